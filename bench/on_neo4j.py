"""Remembrancer on a Neo4j server, in one to four processes, beside a bare client of the same server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, LiteralString

import ours
from neo4j_server import CannotStart, Server, find_server
from raw_neo4j import RawNeo4j
from table import Row, at_least, at_most, say

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.model.timestamps import to_ms

SIZES = (1, 2, 4)
ROUNDS = 3
AHEAD_SECONDS = 8
"""How long before they are due tasks are scheduled: in bulk, that takes a few seconds."""
TASKS = 6_000
SPREAD = 1_000
"""Tasks that are due one after the other, 10 ms apart."""
GROWN = (10_000, 100_000)
FULL = 1_000_000

FIRED: LiteralString = """
MATCH (e:task_execution) WHERE e.nominal_at = datetime({epochMillis: $ms})
RETURN count(e) AS fired, count(DISTINCT e.task_id) AS tasks,
       count(CASE e.status WHEN 'completed' THEN 1 END) AS completed,
       max(e.completed_at).epochMillis AS last_ms"""


@dataclass
class Replicas:
    """Processes that fire what is due in *server*; those that ended have told how they fared."""

    server: Server
    told: list[dict[str, Any]]
    processes: list[subprocess.Popen[str]]

    def grow(self, size: int) -> None:
        """Start replicas until there are *size*; return once they check."""
        fresh = [self._start() for _ in range(size - len(self.processes))]
        for process in fresh:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        self.processes += fresh

    def end(self) -> None:
        """End all of them in good order."""
        for process in self.processes:
            assert process.stdin
            process.stdin.close()
        for process in self.processes:
            assert process.stdout
            self.told.append(json.loads(process.stdout.read()))
            assert process.wait() == 0
        self.processes.clear()

    @property
    def delays(self) -> list[float]:
        """How late handlers began, in milliseconds, sorted."""
        return sorted(delay for each in self.told for delay in each["delays"])

    def _start(self) -> subprocess.Popen[str]:
        script = str(Path(__file__).with_name("neo4j_replica.py"))
        process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert process.stdin
        process.stdin.write(f"{self.server.graph}\n")
        return process


def measured(
    peer_fires: dict[str, float], peer_creates: dict[str, float], *, full: bool
) -> tuple[list[Row], list[str]]:
    """Return the rows, and what must be known to read them; a note alone where there is no Neo4j to be had."""
    try:
        server = find_server(say)
    except CannotStart as cannot:
        return [], [f"Neo4j: not run, {cannot}."]
    try:
        server.wipe()
        rows = asyncio.run(_creating(server, peer_creates))
        rows += _firing(server, peer_fires)
        rows += asyncio.run(_delaying(server))
        rows += asyncio.run(_growing(server, (*GROWN, FULL) if full else GROWN))
        server.wipe()
    finally:
        server.close()
    return rows, [
        f"Neo4j: {server.origin}, on this machine, beside everything else that is measured on it.",
        "raw Neo4j: one client of the same server, one thread, no Python objects, the statements of raw by 500.",
        f"Replicas are processes of their own; {TASKS:,} tasks are due at a moment; the rate is to the last outcome.",
    ]


async def _creating(server: Server, peer_creates: dict[str, float]) -> list[Row]:
    say("Neo4j: creates")
    service, _ = await ours.opened(server.graph)
    raw = RawNeo4j(server)
    singly, flying, bulk, bare = [list[float]() for _ in range(4)]
    for _ in range(ROUNDS):
        bare.append(await asyncio.to_thread(raw.creates, 100))
        singly.append(await ours.creates_singly(service, 100))
        flying.append(await ours.creates_in_flight(service, 3_000, 100))
        bulk.append(await ours.fill_far(service, 5_000))
    raw.close()
    await service.close()
    one, many = median(singly), median(flying)
    return [
        Row("Neo4j, create: one awaited after the other", "tasks/s", one, median(bare), peer_creates),
        Row("Neo4j, create: 100 in flight", "tasks/s", many, verdict=at_least(many / one, 8, "one after the other")),
        Row("Neo4j, create: in bulk, 1,000 a commit", "tasks/s", median(bulk)),
    ]


def _firing(server: Server, peer_fires: dict[str, float]) -> list[Row]:
    """Fire all tasks every half minute, with one replica, then more of them; raw in between."""
    rates: dict[int, list[float]] = {size: [] for size in SIZES}
    bare: list[float] = []
    told: dict[int, list[dict[str, Any]]] = {size: [] for size in SIZES}
    doubles = 0
    for number in range(ROUNDS):
        bare.append(_raw_fires(server))
        for size in SIZES:
            server.wipe()
            replicas = Replicas(server, told[size], [])
            replicas.grow(size)
            rate, twice = _fire_once(server)
            replicas.end()
            rates[size].append(rate)
            doubles += twice
        each = ", ".join(f"{size}: {rates[size][-1]:,.0f}/s" for size in SIZES)
        say(f"  round {number + 1} of {ROUNDS}: raw {bare[-1]:,.0f}/s, by replicas {each}")
    rows: list[Row] = []
    for size in SIZES:
        rate, lost = median(rates[size]), _lost(told[size])
        verdicts = [at_most(100 * lost, 5, "claims lost to others, %")]
        if size == SIZES[-1]:
            verdicts += [at_least(rate / median(bare), 0.6, "raw Neo4j"), at_most(doubles, 0, "fired twice, of all")]
        name = "1 replica" if size == 1 else f"{size} replicas"
        rows.append(Row(f"Neo4j, fire: {name}", "fires/s", rate, median(bare), peer_fires, "; ".join(verdicts)))
    return rows


def _raw_fires(server: Server) -> float:
    server.wipe()
    raw = RawNeo4j(server)
    raw.fill(TASKS, 60_000_000)
    rate = raw.fires(60_000_000)
    raw.close()
    return rate


def _lost(told: list[dict[str, Any]]) -> float:
    """Return the share of what replicas reached for that another had taken before."""
    reached = sum(each["reached"] for each in told)
    return (reached - sum(each["won"] for each in told)) / reached


def _fire_once(server: Server) -> tuple[float, int]:
    """Let all tasks come due once; return how many fired a second, and how many of them twice."""
    due = _soon()
    asyncio.run(_schedule(server, [_yearly(due)] * TASKS))
    if datetime.now(UTC) >= due:  # some of them are due next year, and would be waited for
        raise RuntimeError(f"scheduling {TASKS:,} tasks took more than {AHEAD_SECONDS} s: this machine is too busy")
    while True:
        time.sleep(0.5)
        (seen,) = server.run(FIRED, ms=to_ms(due))
        if seen["tasks"] == TASKS and seen["completed"] == seen["fired"]:
            return TASKS / (seen["last_ms"] - to_ms(due)) * 1000, seen["fired"] - seen["tasks"]


async def _delaying(server: Server) -> list[Row]:
    """Measure how late handlers begin that another process has scheduled."""
    say("Neo4j: trigger delay")
    server.wipe()
    replicas = Replicas(server, [], [])
    replicas.grow(2)
    far = [ours.once(ours.FAR + timedelta(seconds=number)) for number in range(GROWN[0] - SPREAD)]
    await _schedule(server, far)
    first = _soon()
    await _schedule(server, [ours.once(first + timedelta(milliseconds=10 * number)) for number in range(SPREAD)])
    last_ms = to_ms(first) + 10 * (SPREAD - 1)
    while not server.run(FIRED, ms=last_ms)[0]["completed"]:  # noqa: ASYNC110 (a process of its own sets it)
        await asyncio.sleep(0.5)
    replicas.end()
    late = replicas.delays
    work = f"Neo4j, trigger delay, {GROWN[0]:,} schedules, 2 replicas"
    return [Row(f"{work}, p50", "ms", median(late)), Row(f"{work}, p99", "ms", late[int(len(late) * 0.99) - 1])]


async def _growing(server: Server, sizes: tuple[int, ...]) -> list[Row]:
    """Measure due checks on a graph that grows."""
    server.wipe()
    service, _ = await ours.opened(server.graph)
    raw = RawNeo4j(server)
    store: Any = service._process.store
    rows: list[Row] = []
    first: dict[str, float] = {}
    filled = 0
    for size in sizes:
        say(f"Neo4j: a graph of {size:,} tasks")
        await ours.fill_far(service, size - filled, filled)
        filled = size
        for what, moment in (("none due", -1), ("100 due", 99)):
            at = ours.FAR + timedelta(seconds=moment)
            spent = median([await ours.timed(lambda at=at: store.queue.due(at, 100)) for _ in range(ours.LOOKS)])
            ratio = spent / first.setdefault(what, spent)
            verdict = at_most(ratio, 1.5, f"of that at {sizes[0]:,}") if size > sizes[0] else ""
            rows.append(
                Row(f"Neo4j, due check, {what}, {size:,} tasks", "ms", spent, median(raw.looks(at)), verdict=verdict)
            )
    raw.close()
    await service.close()
    return rows


def _soon() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=AHEAD_SECONDS)


def _yearly(due: datetime) -> ScheduleRequest:
    cron = f"{due.minute} {due.hour} {due.day} {due.month} * {due.second}"
    return ScheduleRequest("n", "g", "p", "thought", schedule_cron=cron, seconds_field="last")


async def _schedule(server: Server, requests: list[ScheduleRequest]) -> None:
    service = TaskSchedulerService(server.graph, handler=ours.nothing)
    await service.open()
    await ours.bulk(service, requests)
    await service.close()
