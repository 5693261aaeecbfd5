"""Replicas as seen by the one who maltreats them: started, told, listened to, frozen, killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from replica import LEASE_SECONDS, Orders

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Callable, Mapping

PATIENCE_SECONDS = 300
"""Nothing here takes so long, except on a machine that has no time for us."""


async def until(condition: Callable[[], bool], what: str) -> None:
    """Return when *condition()* holds."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110 (what it looks at is not ours to announce)
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise TimeoutError(f"waited {PATIENCE_SECONDS} s, and not yet: {what}") from None


@dataclass
class Told:
    """All that replicas have told, dead ones included."""

    scheduled: set[str] = field(default_factory=set)
    """Ids of tasks whose schedule was acknowledged."""
    refused: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    """Handlers that began, by execution."""
    most_early_seconds: float = 0.0
    """How long before its time a handler began at the worst, by the machine's clock."""
    held_up: set[str] = field(default_factory=set)
    """Tasks that a replica had locked when it was stopped."""
    refusals: list[dict[str, Any]] = field(default_factory=list)
    """What was refused: the error, its words, how long it took."""
    spans: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    """From when to when handlers worked, by task."""

    def hear(self, line: dict[str, Any]) -> None:
        """Take one line in."""
        for acknowledged in ("scheduled", "ticking"):
            if acknowledged in line:
                self.scheduled.add(line[acknowledged])
        if "refused" in line:
            self.refused += 1
            self.refusals.append(line)
        self.held_up.update(line.get("stalls", ()))
        if "over" in line:
            self.spans[line["task_id"]].append((line["began"], line["ended"]))
        if "ran" in line:
            self.runs[line["ran"]] += 1
            self.most_early_seconds = max(self.most_early_seconds, line["early_seconds"])

    def handled_again(self) -> list[str]:
        """Say which executions were handled more than once."""
        return [f"handled {times} times: {execution}" for execution, times in self.runs.items() if times > 1]

    def handled_at_once(self) -> list[str]:
        """Say which tasks had two handlers at a time."""
        return [
            f"two handlers at a time: {task_id}"
            for task_id, spans in self.spans.items()
            for (_, ended), (began, _) in pairwise(sorted(spans))
            if began < ended
        ]


@dataclass
class Member:
    """One replica.

    Args:
        process: Its process.
        told: Where what it tells is kept beyond its life.
    """

    process: Process
    told: Told
    ran: list[str] = field(default_factory=list)
    """The executions whose handlers began here."""
    ready: bool = False
    replica_id: str = ""
    resting: bool = False
    idle: bool = False
    stalled: bool = False
    """Whether it has stopped inside a claim."""
    healthy: bool = False
    """What it said last, by `is_healthy` and `get_status` both."""
    unwell: int = 0
    """How often it has said that it is not healthy, since it was."""
    phase: str = ""
    """In which phase it died by itself."""
    log: list[str] = field(default_factory=list)
    """What the scheduler logged."""

    async def listen(self) -> None:
        """Take in what it prints, until it ends."""
        assert self.process.stdout
        while line := await self.process.stdout.readline():
            if line.endswith(b"\n"):  # a line that was cut short was not acknowledged
                self._hear(json.loads(line))

    async def read_log(self) -> None:
        """Take in what it logs, until it ends."""
        assert self.process.stderr
        while line := await self.process.stderr.readline():
            self.log.append(line.decode(errors="replace").rstrip())

    def say(self, *commands: str) -> None:
        """Give it commands."""
        assert self.process.stdin
        self.process.stdin.write("".join(f"{command}\n" for command in commands).encode())

    def freeze(self) -> None:
        """Take the processor away from it."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on as if nothing had happened."""
        os.kill(self.process.pid, signal.SIGCONT)

    async def began(self, runs: int = 1) -> None:
        """Wait until so many of its handlers have begun."""
        await self.when(lambda: len(self.ran) >= runs, f"{runs} handlers have begun, not {len(self.ran)}")

    async def says_healthy(self, *, healthy: bool) -> None:
        """Wait until it says so of itself."""
        await self.when(lambda: self.healthy == healthy, f"a replica says healthy: {healthy}")

    async def settled(self) -> None:
        """Wait until it has nothing under way, and has written or given up every outcome."""
        self.idle = False
        self.say("idle")
        await self.when(lambda: self.idle, "it is idle")

    async def when(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that it will not do when it is dead."""
        await until(lambda: condition() or self.process.returncode is not None, what)
        if not condition():
            raise RuntimeError(f"a replica ended with {self.process.returncode} before {what}: {self.log[-20:]}")

    def _hear(self, line: dict[str, Any]) -> None:
        self.told.hear(line)
        self.ready |= "ready" in line
        self.replica_id = line.get("ready", self.replica_id)
        self.idle |= "idle" in line
        self.stalled |= "stalls" in line
        self.resting |= "resting" in line
        if "ran" in line:
            self.ran.append(line["ran"])
        if "healthy" in line:
            well = line["healthy"] and line["status"]
            self.unwell += self.healthy and not well
            self.healthy = well
        self.phase = line.get("dies", self.phase)


@dataclass
class Crew:
    """The replicas on one graph, and what all of them have told."""

    graph: str
    lease_seconds: float = LEASE_SECONDS
    told: Told = field(default_factory=Told)
    members: list[Member] = field(default_factory=list)
    _listening: list[asyncio.Task[None]] = field(default_factory=list)

    async def join(self, **orders: Any) -> Member:
        """Start one more replica; return once it checks the graph."""
        member = await self.begin(**orders)
        await member.when(lambda: member.ready, "it is ready")
        return member

    async def begin(self, environment: Mapping[str, str] | None = None, **orders: Any) -> Member:
        """Start one more replica, with more in its environment; it may take a while until it is ready."""
        asked = json.dumps(asdict(Orders(**{"graph": self.graph, "lease_seconds": self.lease_seconds, **orders})))
        script = str(Path(__file__).with_name("replica.py"))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            script,
            asked,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env={**os.environ, **(environment or {})},
        )
        member = Member(process, self.told)
        self._listening += [asyncio.create_task(member.listen()), asyncio.create_task(member.read_log())]
        self.members.append(member)
        return member

    @property
    def alive(self) -> list[Member]:
        """Those whose process has not ended."""
        return [member for member in self.members if member.process.returncode is None]

    def say(self, *commands: str) -> None:
        """Give commands to all that are alive."""
        for member in self.alive:
            member.say(*commands)

    async def rest(self) -> None:
        """Let nothing more be scheduled, and held handlers end."""
        for member in self.alive:
            member.resting = False
            member.say("rest", "release")
        for member in self.alive:
            await member.when(lambda member=member: member.resting, "it has nothing more to schedule")

    async def acknowledged(self, more: int) -> None:
        """Wait until so many more schedules have been acknowledged, whoever did it."""
        target = len(self.told.scheduled) + more
        await until(lambda: len(self.told.scheduled) >= target, f"{more} more schedules are acknowledged")

    async def leave(self, member: Member) -> None:
        """End one replica in good order."""
        member.say("stop")
        await until(lambda: member.process.returncode is not None, "a replica stops")
        if member.process.returncode:
            raise RuntimeError(f"a replica ended with {member.process.returncode}: {member.log[-20:]}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for member in self.alive:
            member.process.kill()
        await asyncio.gather(*(member.process.wait() for member in self.members), *self._listening)


@asynccontextmanager
async def a_crew(graph: str, size: int = 0, lease_seconds: float = LEASE_SECONDS) -> AsyncIterator[Crew]:
    """So many replicas on *graph*, that are gone afterwards whatever happens."""
    async with Crew(graph, lease_seconds) as crew:
        for member in [await crew.begin() for _ in range(size)]:
            await member.when(lambda member=member: member.ready, "it is ready")
        yield crew
