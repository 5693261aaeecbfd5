"""Maltreat a working scheduler in every way we know, open what it left, and look whether anything is lost or doubled.

Every second round kills it; the rounds between take the other torments in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from findings import look
from torments import TORMENTS, NotPlayed, Victim, small_disk

ROUNDS_PER_FOLDER = 10


def play(name: str, folder: Path) -> tuple[int, list[str]]:
    """Play one torment on the graph in *folder*; return how many writes were acknowledged, and what is wrong."""
    torment = TORMENTS[name]
    with ExitStack() as stack:
        if torment.small_disk:
            folder = stack.enter_context(small_disk(folder))
            folder /= "graph"
        victim = Victim.begin(folder, **torment.orders)
        try:
            torment.play(victim)
        except TimeoutError as late:
            victim.wrong.append(str(late))
        finally:
            victim.finish()
        in_order = torment.in_order and bool(victim.heard("stopped"))
        found = asyncio.run(look(folder, victim.said, covered=torment.covered, in_order=in_order))
    written = sum(not line.keys().isdisjoint({"scheduled", "cancelled", "deferred"}) for line in victim.said)
    return written, victim.wrong + found


def names(rounds: int, only: str | None) -> list[str]:
    """Return the torment of each round."""
    if only:
        return [only] * rounds
    others = [name for name in TORMENTS if name != "killed"]
    return ["killed" if number % 2 == 0 else others[number // 2 % len(others)] for number in range(rounds)]


def play_all(torments: list[str], folder: Path) -> int:
    """Play one round after the other; return the exit status."""
    written, played, failed, not_played = 0, Counter[str](), Counter[str](), set[str]()
    for number, name in enumerate(torments, 1):
        graph = folder / f"{name.replace(' ', '-')}-{played[name] // ROUNDS_PER_FOLDER}"
        if TORMENTS[name].small_disk:
            graph = graph.with_name(f"disk-{number}")
        began = time.monotonic()
        try:
            acknowledged, wrong = play(name, graph)
        except NotPlayed as why:
            not_played.add(f"NOT PLAYED: {name}: {why}")
            continue
        written += acknowledged
        played[name] += 1
        failed[name] += bool(wrong)
        told = f"{len(wrong)} things are wrong" if wrong else "all there"
        say(f"round {number}: {name}: {acknowledged} acknowledged writes, {told} ({time.monotonic() - began:.1f} s)")
        for each in wrong[:10]:
            say(f"  WRONG: {each}")
    for name, times in played.items():
        say(f"{name}: {times - failed[name]} of {times} well")
    for each in sorted(not_played):
        say(each)
    if failed.total():
        return 1
    say(f"{played.total()} rounds, {written} acknowledged writes, 0 lost, 0 double fires")
    return 0


def say(text: str) -> None:
    """Tell how it goes."""
    print(text, flush=True)  # noqa: T201


def main() -> int:
    """Read the command line and play."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="how often to maltreat it (200)")
    parser.add_argument("--only", choices=TORMENTS, help="play only this")
    parser.add_argument("--seed", type=int, default=None, help="for the random moments")
    asked = parser.parse_args()
    random.seed(asked.seed)
    with tempfile.TemporaryDirectory(prefix="remembrancer-crash-", ignore_cleanup_errors=True) as folder:
        return play_all(names(asked.rounds, asked.only), Path(folder))


if __name__ == "__main__":
    raise SystemExit(main())
