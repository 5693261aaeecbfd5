"""Work that was handed out: each execution is held by one worker, for as long as its reports come in time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from remembrancer.errors import WorkNotHeld

if TYPE_CHECKING:
    from remembrancer.engine.execution.run import Run
    from remembrancer.model.handler_result import HandlerOutcome
    from remembrancer.model.worker_calls import HeldExecution
    from remembrancer.ports.handler import HandlerReturn


@dataclass(slots=True, eq=False)
class WorkerRun:
    """One execution of a queue, from its claim to its outcome."""

    run: Run
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Future[HandlerReturn | HandlerOutcome] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    worker: str = ""
    """The worker that holds it; empty while it waits for one."""
    lease_seconds: float = 0.0
    heard_at: float = 0.0
    """The last word of its worker, by `time.monotonic`."""

    @property
    def queue(self) -> str:
        """The queue that it belongs to."""
        return self.run.firing.task.queue or ""

    @property
    def left(self) -> float:
        """Seconds until its lease ends; less than 0 if it has ended."""
        return self.heard_at + self.lease_seconds - time.monotonic()

    def give_to(self, worker: str, lease_seconds: float) -> None:
        """Hand it to a worker."""
        self.worker, self.lease_seconds, self.heard_at = worker, lease_seconds, time.monotonic()
        self.taken.set()


class HandedOut:
    """The executions that workers hold."""

    def __init__(self) -> None:
        self._held: dict[str, WorkerRun] = {}

    def add(self, work: WorkerRun) -> None:
        """Take in work that a worker has taken."""
        self._held[work.run.execution_id] = work

    def drop(self, work: WorkerRun) -> None:
        """Forget work that has ended, or whose worker is lost."""
        self._held.pop(work.run.execution_id, None)

    def heard(self, held: HeldExecution) -> WorkerRun:
        """Return the work that a worker holds, and renew its lease. Raises WorkNotHeld."""
        work = self._held.get(held.execution_id)
        if work is None or work.worker != held.worker or work.answer.done() or work.left < 0:
            raise WorkNotHeld(*held)
        work.heard_at = time.monotonic()
        return work
