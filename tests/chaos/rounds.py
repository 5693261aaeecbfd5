"""Maltreat replicas and their Neo4j in every way we know, round after round, and look each time what is wrong.

`PYTHONPATH=tests/servers python tests/chaos/rounds.py --rounds 5` plays every fault five times, on a server of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import faults
import hindrances
import neo4j_jars
from neo4j_server import Server
from replica import Phase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from faults import Aftermath

REPLICAS = 8
_STARTED = time.monotonic()


def kinds(server: Server, jar: neo4j_jars.JarServer, number: int) -> Mapping[str, Callable[[], Awaitable[Aftermath]]]:
    """Return every fault of round *number*, by what happens: in each round a replica dies in another phase."""
    phase = Phase.ALL[number % len(Phase.ALL)]

    def outage(name: str) -> Callable[[], Awaitable[Aftermath]]:
        async def play() -> Aftermath:
            async with faults.outages_of(server, jar) as outages:
                await getattr(outages, name)()
                return await outages.ended()

        return play

    return {
        f"a replica killed {phase}": lambda: faults.killed(server, [phase]),
        "four replicas killed at a time": lambda: faults.killed(server, Phase.ALL),
        "a replica cut off for longer than its lease": lambda: faults.cut_off(server),
        "a replica frozen for longer than its lease": lambda: faults.frozen(server),
        "clocks that are minutes off": lambda: faults.wrong_clocks(server),
        "slow answers and long locks": lambda: faults.slow(server),
        f"1 to {REPLICAS} replicas, each replaced, and back": lambda: faults.scaled(server, REPLICAS),
        "a database wiped": lambda: faults.wiped(server),
        "a replica paused in a claim": lambda: hindrances.paused_in_a_claim(server),
        "a replica vanished in a claim": lambda: hindrances.vanished_in_a_claim(server),
        "a replica two seconds away": lambda: hindrances.far_away(server),
        "connections that die without a word": lambda: hindrances.silent_connections(server),
        "a host five minutes ahead": lambda: hindrances.host_ahead(server),
        "a foreign constraint": lambda: hindrances.foreign_constraint(server),
        "a rotated password": lambda: hindrances.rotated_password(server),
        "an unknown commit, and writes that were not sent": lambda: hindrances.unknown_commit(server),
        "outcomes known while the server is frozen": lambda: hindrances.outcomes_known(server, jar),
        "the server killed": outage("killed"),
        "the server stopped": outage("stopped"),
        "the server frozen": outage("frozen"),
        "the server killed, and later restored from then": outage("restored"),
    }


async def play(rounds: int, only: str) -> int:
    """Play every fault *rounds* times, or those whose name the pattern *only* finds; return the exit status."""
    jar = await asyncio.to_thread(neo4j_jars.begin, say)
    server = Server(jar.uri, jar.user, jar.password, "neo4j", "", jar.remove)
    figures: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    played: Counter[str] = Counter()
    late: dict[str, list[float]] = defaultdict(list)
    try:
        for number in range(1, rounds + 1):
            for name, fault in kinds(server, jar, number).items():
                if not re.search(only, name):
                    continue
                await asyncio.to_thread(server.wipe)
                played[name] += 1
                try:
                    aftermath = await fault()
                except (TimeoutError, RuntimeError) as stuck:  # what was to come did not, or a replica ended by itself
                    failed[name] += 1
                    say(f"round {number} of {rounds}: {name}")
                    say(f"  WRONG: {stuck}")
                    continue
                figures.update(aftermath.figures)
                failed[name] += bool(aftermath.wrong)
                late[name] += aftermath.account.late_seconds()
                told = ", ".join(f"{count:,} {what}" for what, count in aftermath.figures.items() if count)
                say(f"round {number} of {rounds}: {name}: {told}; {faults.lateness(aftermath.account.late_seconds())}")
                for wrong in aftermath.wrong[:20]:
                    say(f"  WRONG: {wrong}")
    finally:
        await asyncio.to_thread(server.close)
    for name, times in played.items():
        say(f"{name}: {times - failed[name]} of {times} well; {faults.lateness(sorted(late[name]))}")
    say(f"{rounds} rounds: " + ", ".join(f"{count:,} {what}" for what, count in figures.items()))
    return 1 if failed.total() else 0


def say(text: str) -> None:
    """Tell how it goes."""
    print(f"[{time.monotonic() - _STARTED:5.0f} s] {text}", flush=True)  # noqa: T201


def main() -> int:
    """Read the command line and play."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often to play every fault (5)")
    parser.add_argument("--only", default="", help="play only faults whose name this regular expression finds")
    asked = parser.parse_args()
    return asyncio.run(play(asked.rounds, asked.only))


if __name__ == "__main__":
    raise SystemExit(main())
