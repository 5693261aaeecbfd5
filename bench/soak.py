"""Fire a million times on one graph and watch what changes: `python bench/soak.py --fires 1000000`.

A soak takes long enough for the machine itself to become faster or slower. So each mark also has the rate of a fresh
graph, fired on right then by a process of its own while the old graph rests: only their ratio says what age does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import ours
from table import BUILD, say

if TYPE_CHECKING:
    from remembrancer import TaskSchedulerService
    from remembrancer.testing import VirtualClock

EACH = 100_000
TASKS = 20_000
FRESH_ROUNDS = 2


def fresh() -> float:
    """Return how many fires a second a graph does that is new."""
    return asyncio.run(_fresh())


async def _fresh() -> float:
    with tempfile.TemporaryDirectory(prefix="remembrancer-fresh-") as folder:
        service, clock = await ours.opened(Path(folder) / "graph")
        try:
            await ours.fill(service, TASKS)
            seconds = sum([await _minute(service, clock) for _ in range(FRESH_ROUNDS)])
        finally:
            await service.close()
    return FRESH_ROUNDS * TASKS / seconds


async def _minute(service: TaskSchedulerService, clock: VirtualClock) -> float:
    """Fire what is due after a minute, and tidy up; return how many seconds the fires took."""
    rate = await ours.fires(service, clock)
    await ours.tidies(service)
    return TASKS / rate


async def soak(folder: Path, fires: int, marks: list[dict[str, float]]) -> None:
    """Fire so often, a minute of the virtual clock after the other, and append one mark for each 100,000."""
    service, clock = await ours.opened(folder)
    await ours.fill(service, TASKS)
    fired, seconds = 0, 0.0
    try:
        while fired < fires:
            seconds += await _minute(service, clock)
            fired += TASKS
            if fired % EACH == 0:
                due_ms, _ = await ours.looks(service, clock.now())
                marks.append(_mark(folder, fired, EACH / seconds, due_ms, _beside()))
                seconds = 0.0
    finally:
        await service.close()


def _beside() -> float:
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(fresh).result()


def _mark(folder: Path, fired: int, rate: float, due_ms: float, fresh_rate: float) -> dict[str, float]:
    disk_mb = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    resident_mb = ours.resident_mb()
    say(
        f"{fired:9,} fires: {rate:6,.0f}/s ({rate / fresh_rate:.0%} of a fresh graph), due check {due_ms:.2f} ms, "
        f"{resident_mb:,.0f} MB resident, {disk_mb:,.0f} MB on disk"
    )
    return {
        "fires": fired,
        "rate": rate,
        "fresh_rate": fresh_rate,
        "due_ms": due_ms,
        "resident_mb": resident_mb,
        "disk_mb": disk_mb,
    }


def main() -> None:
    """Soak, keep the marks in build/soak.json (those of a soak that was broken off, too)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fires", type=int, default=1_000_000)
    fires = parser.parse_args().fires
    marks: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="remembrancer-soak-") as folder:
        try:
            asyncio.run(soak(Path(folder) / "graph", fires, marks))
        except KeyboardInterrupt:
            say("broken off")
    BUILD.mkdir(exist_ok=True)
    (BUILD / "soak.json").write_text(json.dumps(marks, indent=2) + "\n")
    if marks:
        first, last = marks[0], marks[-1]
        print(
            f"The last {EACH:,} ran at {last['rate'] / last['fresh_rate']:.0%} of the rate of a fresh graph beside "
            f"it (to reach: 80 % after two million), and at {last['rate'] / first['rate']:.0%} of the first's."
        )
        print(f"{marks[-1]['resident_mb']:,.0f} MB resident at the end (to reach: at most 700).")


if __name__ == "__main__":
    main()
