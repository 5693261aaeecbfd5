"""A replica to be maltreated: a scheduler in a process of its own, told what to do line by line.

It is started as `replica.py JSON`, the JSON being an `Orders`. It reads one command a line: `load` and `rest` (schedule
tasks, or stop doing so), `release` (let held handlers end), `idle` (say when nothing is under way), `stall` (stop at
the next commit of a claim, as a process does that gets no processor), `stop` (end in good order). It prints one JSON
line for each write that was acknowledged or refused, for each handler that began or ended, and whenever what it says of
its health changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import neo4j

from remembrancer import Firing, SchedulerOptions, TaskSchedulerService
from remembrancer.engine.clock import SystemTime
from remembrancer.errors import RemembrancerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Sequence

    from remembrancer.ports.graph import Graph
    from remembrancer.ports.work_queue import WorkQueue
    from remembrancer.ports.writes import Claim

HELD: Final = "held"
"""The name of tasks whose handlers wait until they are released."""
LEASE_SECONDS: Final = 2.0
TICKS: Final = 3
"""How many tasks fire every second, whoever is there to fire them."""
AT_A_TIME: Final = 4
PAUSE_SECONDS: Final = 0.05
"""Between one schedule and the next of each of those that schedule at a time."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What one replica is started with.

    Args:
        graph: The URI of its graph.
        dies: The phase in which it kills itself, with SIGKILL; empty for one that lives.
        ahead_seconds: How far its clock is ahead of the machine's.
        host_ahead_seconds: How far the time service is ahead that its host brings along; 0 for none.
        lease_seconds: How long its claims hold.
    """

    graph: str
    dies: str = ""
    ahead_seconds: float = 0.0
    host_ahead_seconds: float = 0.0
    lease_seconds: float = LEASE_SECONDS


class Phase:
    """Where a replica can die. Each is reached by itself: nobody has to be lucky with the moment."""

    AFTER_CLAIM: Final = "after claim"
    IN_HANDLER: Final = "in the handler"
    BEFORE_SETTLE: Final = "before settle"
    AFTER_SETTLE: Final = "after settle"
    ALL: Final = (AFTER_CLAIM, IN_HANDLER, BEFORE_SETTLE, AFTER_SETTLE)


class MortalQueue:
    """The real work queue, under a replica that dies, or stalls, when it comes to its phase."""

    def __init__(self, queue: WorkQueue, die_in: Callable[[str], None], stall: Stall) -> None:
        self._queue = queue
        self._die_in = die_in
        self._stall = stall

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    async def claim(self, *claim: Any) -> Any:
        with self._stall.during(claim[0]):
            won = await self._queue.claim(*claim)
        if won:
            self._die_in(Phase.AFTER_CLAIM)
        return won

    async def settle(self, *settlement: Any) -> Any:
        if settlement[0]:
            self._die_in(Phase.BEFORE_SETTLE)
        written = await self._queue.settle(*settlement)
        if any(written):
            self._die_in(Phase.AFTER_SETTLE)
        return written


class Stall:
    """Stops the process when a claim of its own is about to be committed: it holds the locks of the claimed tasks."""

    def __init__(self) -> None:
        self.wanted = False
        self._claims: list[Claim] = []
        commit = neo4j.AsyncTransaction.commit

        async def commit_or_stall(transaction: neo4j.AsyncTransaction) -> None:
            if self.wanted and self._claims:
                self.wanted = False
                tell(stalls=[claim.execution.task_id for claim in self._claims])
                os.kill(os.getpid(), signal.SIGSTOP)
            await commit(transaction)

        neo4j.AsyncTransaction.commit = commit_or_stall

    @contextlib.contextmanager
    def during(self, claims: Sequence[Claim]) -> Generator[None]:
        """These claims are being written."""
        self._claims += claims
        try:
            yield
        finally:
            for claim in claims:
                self._claims.remove(claim)


class HostTime:
    """What a host brings along as its time service."""

    def __init__(self, ahead_seconds: float) -> None:
        self._ahead = timedelta(seconds=ahead_seconds)

    def now(self) -> datetime:
        """Return what it takes for the time."""
        return datetime.now(UTC) + self._ahead


def wrong_clock(ahead_seconds: float) -> SystemTime:
    """Return the system's clock as a machine has it whose clock is set wrong."""
    return SystemTime(lambda: datetime.now(UTC) + timedelta(seconds=ahead_seconds))


def tell(**what: object) -> None:
    """Print what happened; the one who reads has nothing but these lines when we are dead."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Replica:
    """The scheduler, its handler, and those who schedule with it."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._loading = False
        self._loads: list[asyncio.Task[None]] = []
        self._released = asyncio.Event()
        self._over = asyncio.Event()
        self._started = asyncio.Event()
        self._ticking: set[str] = set()
        self._stall = Stall()
        clock = wrong_clock(orders.ahead_seconds) if orders.ahead_seconds else None
        self.service = TaskSchedulerService(
            orders.graph,
            HostTime(orders.host_ahead_seconds) if orders.host_ahead_seconds else clock,
            0.5,
            self._handle,
            options=SchedulerOptions(lease_seconds=orders.lease_seconds),
        )
        open_store: Callable[[], Awaitable[Graph]] = self.service._lifecycle._open_store

        async def open_mortal() -> Any:
            graph: Any = await open_store()
            graph.queue = MortalQueue(graph.queue, self._die_in, self._stall)
            return graph

        self.service._lifecycle._open_store = open_mortal

    def obey(self, command: str) -> None:
        """Do what one line says."""
        match command:
            case "load":
                if not self._loading:
                    self._loading = True
                    self._loads = [asyncio.create_task(self._schedule(place)) for place in range(AT_A_TIME)]
            case "rest":
                self._loading = False
                self._resting = asyncio.create_task(self._rest())
            case "release":
                self._released.set()
            case "idle":
                self._idling = asyncio.create_task(self._idle())
            case "stall":
                self._stall.wanted = True
            case _:  # "stop", or nobody is there any more who could say it
                self._over.set()

    async def live(self) -> None:
        """Run until told to stop."""
        async with self.service:
            self._started.set()
            tell(ready=self.service.get_status().replication.replica_id)
            watch = asyncio.create_task(self._watch_health())
            await self._over.wait()
            self._loading = False
            await self._rest()
            watch.cancel()
            await asyncio.wait([watch])

    def _die_in(self, phase: str) -> None:
        if self._orders.dies == phase:
            tell(dies=phase)
            os.kill(os.getpid(), signal.SIGKILL)

    async def _handle(self, firing: Firing) -> None:
        early = firing.execution.nominal_at.timestamp() - time.time()
        execution = firing.execution
        tell(ran=execution.execution_id, task_id=execution.task_id, attempt=execution.attempt, early_seconds=early)
        self._die_in(Phase.IN_HANDLER)
        began = time.time()
        try:
            if firing.task.name == HELD and execution.attempt == 1:
                await self._released.wait()
            await asyncio.sleep(random.uniform(0, 0.02))
        finally:
            tell(over=execution.execution_id, task_id=execution.task_id, began=began, ended=time.time())

    async def _idle(self) -> None:
        """Say so when no handler is under way, and every outcome is written or given up."""
        await self.service.idle()
        tell(idle=os.getpid())

    async def _rest(self) -> None:
        """Say so when no schedule is under way any more."""
        await asyncio.gather(*self._loads)
        tell(resting=os.getpid())

    async def _schedule(self, place: int) -> None:
        """Schedule task after task while there is to be a load; also those that fire every second, once for all."""
        await self._started.wait()  # it may be told to before it is there
        while self._loading:
            moment = datetime.now(UTC) + timedelta(seconds=random.uniform(0.1, 0.6))
            on_lost = random.choice(["fail", "retry"])
            asked = time.monotonic()
            try:
                if place < TICKS:
                    await self._tick(place)
                kept = await self.service.schedule_task("once", "g", "p", f"thought_{place}", moment, on_lost=on_lost)
            except RemembrancerError as refused:
                tell(refused=type(refused).__name__, words=str(refused), seconds=time.monotonic() - asked)
                await asyncio.sleep(0.2)
            else:
                tell(scheduled=kept.task_id)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _tick(self, place: int) -> None:
        kept = await self.service.schedule_task(
            f"tick {place}", "g", "p", "thought", schedule_cron="* * * * * *", seconds_field="last", misfire="run_all",
            on_lost="retry", dedup_key=f"tick {place}",
        )  # fmt: skip
        if kept.task_id not in self._ticking:
            self._ticking.add(kept.task_id)
            tell(ticking=kept.task_id)

    async def _watch_health(self) -> None:
        before: tuple[bool, bool] | None = None
        while True:
            status = self.service.get_status()
            healthy = (await self.service.is_healthy(), status.is_healthy)
            if healthy != before:
                tell(healthy=healthy[0], status=healthy[1], error=status.last_error)
            before = healthy
            await asyncio.sleep(0.05)


async def main(orders: Orders) -> None:
    """Live, and obey what comes in on standard input."""
    replica = Replica(orders)
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    life = asyncio.create_task(replica.live())
    while not life.done():
        waits = asyncio.create_task(commands.readline())
        await asyncio.wait({waits, life}, return_when=asyncio.FIRST_COMPLETED)
        if waits.done():
            command = waits.result().decode().strip()
            replica.obey(command)
            if not command:
                break
        else:
            waits.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waits
    await life


if __name__ == "__main__":
    asyncio.run(main(Orders(**json.loads(sys.argv[1]))))
