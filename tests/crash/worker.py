"""A working scheduler to be maltreated: it prints every write that was acknowledged, one JSON line each.

It is started as `worker.py JSON`, the JSON being `Orders`. For each line on its standard input it says `marked` between
two writes: whatever it says after that it began to write after that. A number on the line is where its clock is set: so
many hours ahead.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from remembrancer import Defer, Failed, Firing, SchedulerOptions, TaskSchedulerService
from remembrancer.errors import GraphUnavailable

if TYPE_CHECKING:
    from remembrancer.model.handler_result import HandlerResult

HANGS_SECONDS = 3600.0
STOP_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker is started with.

    Args:
        folder: Its graph.
        handler: How its handlers behave: `dice`, `hangs` (some, on a thread), `swallows` (some, their cancellation),
            `exits` (some, and ask for the end of the process).
        end: How it ends by itself: `never`, `returns` or `raises` (without stopping the service).
        reads: Whether it reads its own folder, as a backup does, and says so.
        steps: Whether it goes by a clock that can be set.
        lease_seconds: How long its claims hold.
    """

    folder: str
    handler: str = "dice"
    end: str = "never"
    reads: bool = False
    steps: bool = False
    lease_seconds: float = 60.0


class SteppingClock:
    """A time service that somebody sets, to and fro."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """Return what it shows."""
        return datetime.now(UTC) + self._ahead

    def set(self, hours: float) -> None:
        """Let it be so far ahead."""
        self._ahead = timedelta(hours=hours)


def tell(**what: object) -> None:
    """Say what happened; of a write, after the service has answered."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def dice(firing: Firing) -> HandlerResult | None:
    """Take a while, and now and then fail or defer."""
    await asyncio.sleep(random.uniform(0, 0.3))
    fate = random.random()
    if fate < 0.1:
        return Failed("The dice said so.")
    if fate < 0.2 and firing.task.deferral_count < 3:
        return Defer(datetime.now(UTC) + timedelta(seconds=0.3), "The dice said later.")
    return None


async def swallows(firing: Firing) -> None:
    """Go on whatever comes, one in ten."""
    tell(began=firing.execution.execution_id)
    while random.random() < 0.1:
        try:
            await asyncio.sleep(HANGS_SECONDS)
        except asyncio.CancelledError:
            tell(swallowed=firing.execution.execution_id)


def hangs(firing: Firing) -> None:
    """Hang on a thread, one in ten."""
    tell(began=firing.execution.execution_id)
    if random.random() < 0.1:
        tell(hangs=firing.execution.execution_id)
        time.sleep(HANGS_SECONDS)


async def exits(firing: Firing) -> None:
    """Ask for the end of the process, one in five."""
    tell(began=firing.execution.execution_id)
    if random.random() < 0.2:
        tell(raises=firing.execution.execution_id)
        raise random.choice([SystemExit(0), KeyboardInterrupt(), GeneratorExit()])


class Worker:
    """A service, and one who schedules with it."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._clock = SteppingClock() if orders.steps else None
        self._marks: list[str] = []
        self._over = asyncio.Event()
        self._handle = {"swallows": swallows, "exits": exits}.get(orders.handler, dice)
        options = SchedulerOptions(lease_seconds=orders.lease_seconds, shutdown_timeout_seconds=STOP_SECONDS)
        handler = hangs if orders.handler == "hangs" else self._told
        self.service = TaskSchedulerService(orders.folder, self._clock, 0.5, handler, options=options)

    async def live(self) -> None:
        """Work until told to end, in the manner that was ordered."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._over.set)
        threading.Thread(target=self._read_marks, daemon=True).start()
        if self._orders.end == "never":
            async with self.service:
                await self._work()
            tell(stopped=True)
            return
        await self.service.start()
        await self._work()
        tell(ends=self._orders.end)
        if self._orders.end == "raises":
            raise RuntimeError("This is how it ends.")

    async def _told(self, firing: Firing) -> HandlerResult | None:
        answer = await self._handle(firing)
        if self._clock and isinstance(answer, Defer):
            answer = None  # a deferral waits for its moment, which a clock that went back does not come to in a round
        execution = firing.execution
        occurrence = f"{execution.task_id} at {execution.nominal_at}"
        tell(done=execution.execution_id, occurrence=occurrence)
        if firing.trigger_prompt == "tick":
            tell(ticked=execution.nominal_at.timestamp())
        return answer

    async def _work(self) -> None:
        for name in ("fail", "retry"):
            await self.service.schedule_task(
                f"Every second, {name}", "crash", "tick", "crash_test",
                schedule_cron="* * * * * *", seconds_field="last", on_lost=name, dedup_key=f"every-second-{name}",
            )  # fmt: skip
        tell(ready=self._orders.folder)
        if self._orders.end != "never":
            asyncio.get_running_loop().call_later(random.uniform(0.3, 1.5), self._over.set)
        watching = asyncio.create_task(self._watch_health())
        while not self._over.is_set():
            try:
                await self._write()
            except GraphUnavailable as refused:
                tell(refused=str(refused))
                await asyncio.sleep(0.05)
            await self._besides()
        watching.cancel()

    async def _write(self) -> None:
        """Schedule, cancel and defer."""
        soon = datetime.now(UTC) + timedelta(milliseconds=random.randint(1, 500))
        lost = random.choice(["fail", "retry"])
        task = await self.service.schedule_task("Once", "crash", "tock", "crash_test", soon, on_lost=lost)
        tell(scheduled=task.task_id)
        self._say_marks()
        later = await self.service.schedule_task("Later", "crash", "tock", "crash_test", soon + timedelta(hours=9))
        tell(scheduled=later.task_id)
        self._say_marks()
        if random.random() < 0.5:
            if await self.service.cancel_task(later.task_id):
                tell(cancelled=later.task_id)
        else:
            deferred = await self.service.defer_task(later.task_id, soon + timedelta(hours=10), "crash test")
            tell(deferred=later.task_id, deferral=str(deferred.deferral_id))

    async def _besides(self) -> None:
        """Do what else was ordered, between two writes."""
        self._say_marks()
        if self._orders.reads and random.random() < 0.1:
            with tempfile.TemporaryDirectory() as backup:
                copied = Path(backup) / "copy"
                await asyncio.to_thread(shutil.copytree, self._orders.folder, copied, ignore_dangling_symlinks=True)
            tell(read=True)

    def _say_marks(self) -> None:
        while self._marks:
            mark = self._marks.pop(0)
            if self._clock and mark:
                self._clock.set(float(mark))
            tell(marked=mark)

    def _read_marks(self) -> None:
        for line in sys.stdin:
            self._marks.append(line.strip())

    async def _watch_health(self) -> None:
        before = None
        while True:
            healthy = await self.service.is_healthy()
            if healthy != before:
                tell(healthy=healthy, error=self.service.get_status().last_error)
            before = healthy
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(Worker(Orders(**json.loads(sys.argv[1]))).live())
