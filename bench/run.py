"""Measure Remembrancer beside the bare engine and its peers, in one run: `python bench/run.py [--full]`.

Only ratios within one run mean something. Rounds of ours and of raw alternate, and medians are taken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from statistics import median

import ours
import peers
from raw import RawGraph
from raw_nodes import RawNodes
from table import Row, at_least, at_most, keep, say, show

from remembrancer.model.timestamps import to_ms

ROUNDS = 5
SAME_KEY_TASKS = 5_000
FULL = 1_000_000
SERVERS = Path(__file__).parents[1] / "tests" / "servers"
"""Where a Neo4j is found or started: for the tests, and for us."""


async def firing(folder: Path, tasks: int, peer_fires: dict[str, float]) -> tuple[list[Row], tuple[float, float]]:
    """Measure fires and the aging of the due index; return the rows and the rates in bulk: ours, raw with our nodes."""
    say(f"fires: {tasks:,} minutely tasks, ours and raw in turn")
    service, clock = await ours.opened(folder / "fire")
    bulk = await ours.fill(service, tasks)
    raw = RawGraph(folder / "raw")
    nodes = RawNodes(folder / "raw-nodes")
    first_ms = to_ms(ours.BEGIN) // 60_000 * 60_000 + 60_000
    raw.fill(tasks, first_ms)
    nodes_bulk = nodes.fill(tasks, first_ms)
    fresh = await ours.looks(service, clock.now())
    our_rates: list[float] = []
    raw_rates: list[float] = []
    nodes_rates: list[float] = []
    tidy_rates: list[float] = []
    for number in range(ROUNDS):
        our_rates.append(await ours.fires(service, clock))
        raw_rates.append(raw.fires(to_ms(clock.now())))
        nodes_rates.append(nodes.fires(to_ms(clock.now())))
        tidy_rates.append(await ours.tidies(service))
        say(
            f"  round {number + 1} of {ROUNDS}: ours {our_rates[-1]:,.0f}/s, raw {raw_rates[-1]:,.0f}/s, "
            f"raw with our nodes {nodes_rates[-1]:,.0f}/s"
        )
    aged = await ours.looks(service, clock.now())
    raw.close()
    nodes.close()
    await service.close()
    rate, bare, tidy = median(our_rates), median(raw_rates), median(tidy_rates)
    same = median(nodes_rates)
    verdicts = [at_least(rate / bare, 0.75, "raw")]
    if peers.HUEY in peer_fires:
        verdicts.append(at_least(rate / peer_fires[peers.HUEY], 2, "Huey"))
    with_tidy = 1 / (1 / rate + 1 / tidy)
    age = f"after {ROUNDS * tasks:,} fires"
    rows = [
        Row("fire: claim, no-op handler, settle", "fires/s", rate, bare, peer_fires, "; ".join(verdicts)),
        Row(
            "  the same, beside raw with our nodes", "fires/s", rate, same, verdict=at_least(rate / same, 0.75, "that")
        ),
        Row("  the same, and SCHEDULED_FOR moved on", "fires/s", with_tidy, verdict="done when nothing is due"),
        Row("due check, none due, fresh", "ms", fresh[0], fresh[1]),
        Row(f"due check, none due, {age}", "ms", *aged, verdict=at_most(aged[0] / fresh[0], 1.5, "aged : fresh")),
    ]
    return rows, (bulk, nodes_bulk)


def same_key(folder: Path) -> str:
    """Say what the bare engine does where all tasks of a minute share one key in the due index."""
    say("fires of the bare engine, one due key for all")
    rates: list[float] = []
    for name, same in (("distinct", False), ("same", True)):
        graph = RawGraph(folder / name)
        graph.fill(SAME_KEY_TASKS, 60_000_000, same_key=same)
        rates.append(median(graph.fires(60_000_000 + 60_000 * number) for number in range(2)))
        graph.close()
    return (
        f"With one due key for all of {SAME_KEY_TASKS:,} tasks the bare engine fires {rates[1]:,.0f}/s, "
        f"with a key for each {rates[0]:,.0f}/s; ours and raw above have a key for each."
    )


async def creating(folder: Path, bulk: tuple[float, float], peer_creates: dict[str, float]) -> list[Row]:
    """Measure creates, beside the bare engine's single writes; *bulk*: as `firing` returns it."""
    say("creates")
    service, _ = await ours.opened(folder / "create")
    raw = RawGraph(folder / "raw-create")
    nodes = RawNodes(folder / "raw-nodes-create")
    singly: list[float] = []
    flying: list[float] = []
    bare: list[float] = []
    same: list[float] = []
    for _ in range(ROUNDS):
        bare.append(raw.creates(100))
        same.append(nodes.creates(100, to_ms(ours.FAR)))
        singly.append(await ours.creates_singly(service, 100))
        flying.append(await ours.creates_in_flight(service, 3_000, 100))
    raw.close()
    nodes.close()
    await service.close()
    one, alike, lone, together = median(bare), median(same), median(singly), median(flying)
    many, many_alike = bulk
    what = "raw single writes"
    of_engine = f"{many / many_alike:.2f} x that; that is {many_alike / one:.1f} x {what}"
    return [
        Row("create: one awaited after the other", "tasks/s", lone, one, peer_creates, at_least(lone / one, 0.8, what)),
        Row(
            "  one by one, beside raw with our nodes",
            "tasks/s",
            lone,
            alike,
            verdict=at_least(lone / alike, 0.8, "that"),
        ),
        Row("create: 100 in flight", "tasks/s", together, one, verdict=at_least(together / one, 8, what)),
        Row("create: in bulk, 1,000 a commit", "tasks/s", many, one, verdict=at_least(many / one, 20, what)),
        Row("  in bulk, beside raw with our nodes", "tasks/s", many, many_alike, verdict=of_engine),
    ]


async def growing(folder: Path, few: int, many: int) -> list[Row]:
    """Measure due checks on a small and a large graph, the start on the large one, and its memory."""
    seen: list[list[tuple[float, float]]] = []
    for count in (few, many):
        say(f"a graph of {count:,} tasks")
        service, _ = await ours.opened(folder / f"grown-{count}")
        await ours.fill_far(service, count)
        early, later = ours.FAR - timedelta(seconds=1), ours.FAR + timedelta(seconds=99)
        seen.append([await ours.looks(service, early), await ours.looks(service, later)])
        await service.close()
    rows: list[Row] = []
    for place, what in enumerate(("none due", "100 due")):
        small, large = seen[0][place], seen[1][place]
        rows += [
            Row(f"due check, {what}, {few:,} tasks", "ms", *small),
            Row(
                f"due check, {what}, {many:,} tasks",
                "ms",
                *large,
                verdict=at_most(large[0] / small[0], 1.5, "large : small"),
            ),
        ]
    say("start, in a process of its own")
    told = await asyncio.to_thread(_started, folder / f"grown-{many}")
    return [
        *rows,
        Row(f"start on {many:,} tasks", "s", told["seconds"], verdict=at_most(told["seconds"], 2, "seconds")),
        Row(f"resident, {many:,} tasks", "MB", told["resident_mb"], verdict=at_most(told["resident_mb"], 700, "MB")),
    ]


def _started(graph: Path) -> dict[str, float]:
    command = [sys.executable, ours.__file__, str(graph)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


async def delaying(folder: Path) -> list[Row]:
    """Measure how late handlers begin, on the real clock."""
    say("trigger delay, 10,000 schedules on the real clock")
    spread, burst = await ours.delays(folder / "delay", 10_000, 1_000, 200)
    p99, half = spread[int(len(spread) * 0.99) - 1], median(burst)
    return [
        Row("trigger delay, 10,000 schedules, p50", "ms", median(spread)),
        Row("trigger delay, 10,000 schedules, p99", "ms", p99, verdict=at_most(p99, 20, "ms")),
        Row("200 due at once, p50", "ms", half, verdict=at_most(half, 50, "ms")),
        Row("200 due at once, the last", "ms", burst[-1]),
    ]


def on_neo4j(
    peer_fires: dict[str, float], peer_creates: dict[str, float], *, full: bool
) -> tuple[list[Row], list[str]]:
    """Measure Remembrancer on a Neo4j, if one can be had; return the rows and the notes."""
    sys.path.append(str(SERVERS))
    import on_neo4j as measuring  # noqa: PLC0415 (it needs the path)

    return measuring.measured(peer_fires, peer_creates, full=full)


async def measure(folder: Path, *, tasks: int, many: int) -> tuple[list[Row], list[str]]:
    """Return every row, and the notes."""
    say("peers")
    creates, fires, missing = peers.measured(folder)
    rows, bulk = await firing(folder, tasks, fires)
    shared = same_key(folder)
    rows += await creating(folder, bulk, creates)
    rows += await delaying(folder)
    rows += await growing(folder, 10_000, many)
    procrastinate = [{name: each[name] for name in each if "Postgres" in name} for each in (fires, creates)]
    on_server, server_notes = await asyncio.to_thread(on_neo4j, *procrastinate, full=many >= FULL)
    rows += on_server
    notes = [
        "Only ratios within this run mean something; medians of rounds in which ours and raw took turns.",
        "raw: the bare engine in this process, one thread, claim and settle by 1,000, fsync, no Python objects.",
        "raw writes the least that holds a claim, on the engine's own page sizes.",
        "raw with our nodes writes all that the specification's nodes hold, by the catalogue's statements.",
        shared,
        "Of what they fired, Huey and APScheduler keep nothing, procrastinate its jobs, DBOS its workflows.",
        "Huey and APScheduler create by scheduling, the others by enqueueing; Huey fires through schedule and queue.",
        *missing,
        *server_notes,
    ]
    if many < FULL:
        notes.append(f"The large graph had {many:,} tasks; --full takes 1,000,000.")
    return rows, notes


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="the large graph has a million tasks")
    parser.add_argument("--tasks", type=int, default=20_000, help="how many tasks fire each minute (20,000)")
    parser.add_argument("--only-neo4j", action="store_true", help="measure nothing but Remembrancer on a Neo4j")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="remembrancer-bench-") as folder:
        many = FULL if chosen.full else 100_000
        if chosen.only_neo4j:
            rows, notes = on_neo4j({}, {}, full=chosen.full)
        else:
            rows, notes = asyncio.run(measure(Path(folder), tasks=chosen.tasks, many=many))
    show(rows, notes)
    say(f"kept in {keep(rows)}")


if __name__ == "__main__":
    main()
