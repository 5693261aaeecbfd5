"""What was measured: rows for people on the terminal, the same rows as JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / "build"
_STARTED = time.monotonic()


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of work.

    Args:
        work: What was done, in words.
        unit: Of every figure in the row.
        ours: Remembrancer's figure; a median where the work was repeated.
        raw: The bare engine's, None where there is no such thing.
        peers: Others' figures by name.
        verdict: How the figure stands to its target.
    """

    work: str
    unit: str
    ours: float
    raw: float | None = None
    peers: dict[str, float] = field(default_factory=dict)
    verdict: str = ""


def at_least(ratio: float, target: float, of: str) -> str:
    """Say how a ratio stands to the least that it should be."""
    return f"{ratio:.2f} x {of} (to reach: {target:g}){_mark(reached=ratio >= target)}"


def at_most(figure: float, target: float, what: str) -> str:
    """Say how a figure stands to the most that it should be."""
    return f"{what} {figure:.2f} (at most: {target:g}){_mark(reached=figure <= target)}"


def say(text: str) -> None:
    """Report progress, on stderr."""
    print(f"[{time.monotonic() - _STARTED:5.0f} s] {text}", file=sys.stderr, flush=True)


def show(rows: list[Row], notes: list[str]) -> None:
    """Print the rows and what must be known to read them."""
    width = max(len(row.work) for row in rows)
    print(f"{'work':{width}}  {'ours':>10}  {'raw':>10}  unit")
    for row in rows:
        raw = "-" if row.raw is None else _figure(row.raw)
        print(f"{row.work:{width}}  {_figure(row.ours):>10}  {raw:>10}  {row.unit}")
        peers = [f"{name} {_figure(figure)}: ours is {row.ours / figure:.3g} x" for name, figure in row.peers.items()]
        for line in (*peers, row.verdict):
            if line:
                print(f"{'':{width}}  {line}")
    print("\n" + "\n".join(f"- {note}" for note in notes))


def keep(rows: list[Row]) -> Path:
    """Write the rows to build/bench.json; return where that is."""
    BUILD.mkdir(exist_ok=True)
    path = BUILD / "bench.json"
    kept = [{"work": row.work, "ours": row.ours, "raw": row.raw, "peers": row.peers, "unit": row.unit} for row in rows]
    path.write_text(json.dumps(kept, indent=2) + "\n")
    return path


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _mark(*, reached: bool) -> str:
    return "" if reached else "  <- not reached"
