"""Runs: the executions under way in this process, from their claim to their outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.handler_result import HandlerOutcome
from remembrancer.model.limit import OVERLAP
from remembrancer.model.policy import OnLost

if TYPE_CHECKING:
    import asyncio

    from remembrancer.engine.execution.handler_threads import Ended
    from remembrancer.ports.handler import Firing


class StopReason(Enum):
    """The reason for which a handler is asked to stop."""

    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    """Its task was."""
    REPLACED = "replaced"
    """Another occurrence is to run in its place."""
    HALTED = "halted"
    """The scheduler was halted, and what runs is to stop."""
    SHUTDOWN = "shutdown"
    LEASE_LOST = "lease_lost"
    """Another replica may run it by now: this process writes no outcome."""


@dataclass(slots=True, eq=False)
class Batch:
    """Executions of one lease: the number of running handlers, their tracing, and the timers of their deadlines."""

    lease_id: str
    open: int
    traced: bool
    timers: list[asyncio.TimerHandle] = field(default_factory=list["asyncio.TimerHandle"])

    def ended(self) -> None:
        """One handler has ended; after the last one, the deadlines are cancelled."""
        self.open -= 1
        if self.open == 0:
            for timer in self.timers:
                timer.cancel()


@dataclass(slots=True, eq=False)
class Run:
    """One execution that was claimed.

    It is begun once its handler was called, over once its outcome is known, settled once the outcome writer has that.
    """

    firing: Firing
    batch: Batch
    limit_seconds: float
    task: asyncio.Task[None] | None = None
    answer: asyncio.Future[Ended | None] | None = None
    """The end of a plain handler; None if it is abandoned."""
    on_thread: bool = False
    waits_for_worker: bool = False
    """True for one of a queue of workers: it begins when a worker takes it."""
    begun_at: float | None = None
    forced_in: int | None = None
    """The edition of the halt in which a person has forced it; None for any other."""
    asked: StopReason | None = None
    asked_because: str = ""
    """The reason of that in words, where another occurrence is to run in its place."""
    spared: bool = False
    """True if the handler cancelled its own task and goes on."""
    over: bool = False
    settled: bool = False

    @property
    def execution_id(self) -> str:
        """The id of its execution."""
        return self.firing.execution.execution_id

    @property
    def task_id(self) -> str:
        """The id of its task."""
        return self.firing.task.task_id

    def forsake(self) -> None:
        """Stop waiting for the result of a plain handler."""
        if self.answer and not self.answer.done():
            self.answer.set_result(None)

    @property
    def is_replaceable(self) -> bool:
        """True if it is under an overlap key."""
        keys = self.firing.execution.limit_keys
        return keys is not None and any(key.startswith(OVERLAP) for key in keys)

    @property
    def is_retried(self) -> bool:
        """True if another attempt follows should this one be lost."""
        task = self.firing.task
        return task.on_lost is OnLost.RETRY and self.firing.execution.attempt < task.max_attempts


def stopped(run: Run, *, abandoned: bool = False) -> HandlerOutcome | None:
    """Return the outcome of a run without a result; None if it is left to lease recovery."""
    begun = run.begun_at is not None
    match run.asked:
        case StopReason.LEASE_LOST:
            return None
        case StopReason.CANCELLED:
            text = "The task was cancelled while it ran." if begun else "The task was cancelled before it began."
            return HandlerOutcome(ExecutionStatus.CANCELLED, Reason.TASK_CANCELLED, text)
        case StopReason.HALTED | StopReason.REPLACED:
            text = "The scheduler was halted " + ("while it ran." if begun else "before it began.")
            halted = run.asked is StopReason.HALTED
            why = (Reason.STOPPED_BY_HALT, text) if halted else (Reason.REPLACED, run.asked_because)
            return HandlerOutcome(ExecutionStatus.CANCELLED, *why)
        case StopReason.SHUTDOWN:
            return None if run.is_retried else _shut_down(begun=begun, abandoned=abandoned)
        case StopReason.DEADLINE:
            how = ", and did not end when it was stopped" if abandoned or run.on_thread else " and was stopped"
            text = f"The handler ran longer than {run.limit_seconds:g} s{how}."
            return HandlerOutcome(ExecutionStatus.FAILED, Reason.TIMED_OUT, text)
        case None:
            text = "The handler cancelled itself." if begun else "It was cancelled before the handler began."
            return HandlerOutcome(ExecutionStatus.FAILED, Reason.HANDLER_RAISED, text)


def _shut_down(*, begun: bool, abandoned: bool) -> HandlerOutcome:
    if not begun:
        text = "The scheduler stopped before the handler began."
        return HandlerOutcome(ExecutionStatus.CANCELLED, Reason.SHUTDOWN, text)
    text = "The scheduler stopped before the handler was done"
    text += "; it was asked to stop and did not end." if abandoned else "."
    return HandlerOutcome(ExecutionStatus.FAILED, Reason.SHUTDOWN, text)
