"""The handler: the agent's function that does its tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, NamedTuple

from remembrancer.errors import InvalidInput
from remembrancer.model.dependency import DependencyOutcome
from remembrancer.model.execution import Execution, ExecutionType
from remembrancer.model.handler_result import HandlerResult, Usage
from remembrancer.model.ids import occurrence_key
from remembrancer.model.policy import Session
from remembrancer.model.question import Answer, answer_from
from remembrancer.model.task import ScheduledTask
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.sync_calls import OUTSIDE, SyncCalls

_LONGEST: Final = 200
_LOCK: Final = Lock()


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a handler: a fraction of its work, from 0 to 1, a text, or both."""

    fraction: float | None
    """The share of the work that is done, 0 to 1; None if it is unknown."""
    text: str | None
    """The work under way, for people, at most 200 characters."""


def ignore_progress(_: Execution, __: Progress) -> None:
    """Ignore the progress of a firing that was made outside of a scheduler."""


@dataclass(slots=True, eq=False)
class StopSignal:
    """The request to a handler to stop: set once by the scheduler, read on any thread."""

    requested: bool = False
    """True once the handler should end."""


@dataclass(slots=True, eq=False)
class Ledger:
    """The usage of a run so far: written on any thread, read when it ends."""

    usage: Usage | None = None

    def add(self, usage: Usage) -> None:
        """Add to it."""
        with _LOCK:
            self.usage = usage if self.usage is None else self.usage + usage


@dataclass(frozen=True, slots=True)
class Firing:
    """The argument of a handler: one execution under way, and its task."""

    execution: Execution
    """The execution under way."""
    task: ScheduledTask
    """Its task, as it was claimed."""
    report: Callable[[Execution, Progress], None] = ignore_progress
    """The receiver of progress; handlers call `progress`."""
    stop: StopSignal = field(default_factory=StopSignal, compare=False, repr=False)
    """The source of `stop_requested`."""
    scheduler: SyncCalls = field(default=OUTSIDE, repr=False, compare=False)
    """The scheduler that fired, for a plain handler: methods that wait for their answer. Not for an async handler."""
    dependencies: tuple[DependencyOutcome, ...] = ()
    """The outcomes of the tasks that its task depends on, with their results."""
    ledger: Ledger = field(default_factory=Ledger, compare=False, repr=False)
    """The calls of `spend`, added up."""

    @property
    def spent(self) -> Usage | None:
        """The usage of the run so far, by `spend`; None before the first call."""
        return self.ledger.usage

    def spend(self, tokens: int = 0, money: int | str = 0) -> None:
        """Report what the run has used of the budget of its lineage, in addition to what it used before.

        Callable on any thread. Its outcome gives back what was reserved beyond that, also if the run fails.

        Args:
            tokens: Tokens.
            money: A whole number, or text with up to six decimals such as `0.05`.

        Raises:
            InvalidInput: One of them is no such amount.
        """
        self.ledger.add(Usage(tokens, money))

    @property
    def trigger_prompt(self) -> str:
        """The text that the agent asked to be reminded of."""
        return self.task.trigger_prompt

    @property
    def session(self) -> str:
        """The id of the conversation in which the handler works, as the task's `session` says.

        With `same` it is one for all runs of the task. Otherwise each occurrence has its own, and each run by hand: it
        stays the same over the attempts at it, and for the run to which the handler, or a question, put it off.
        """
        if self.task.session is Session.SAME:
            return self.task.task_id
        key, task = self.execution.occurrence_key, self.task
        since_ms, deferred = task.chain_since_ms, self.execution.execution_type is ExecutionType.DEFERRED
        # A chain that began later belongs to another occurrence, which was put off while this attempt waited. Its own
        # began before, or at the same time if its question was answered at once.
        if deferred and since_ms is not None and since_ms <= to_ms(self.execution.nominal_at):
            key = task.session_key or occurrence_key(task.task_id, since_ms, 1)
        return key.rpartition("|")[0].replace("|", "@")

    @property
    def answer(self) -> Answer | None:
        """The answer that this run waited for; None if it waited for none, as a run by hand."""
        if self.task.answer is None or self.execution.execution_type is ExecutionType.MANUAL:
            return None
        answer = answer_from(self.task.answer)
        return answer if answer.run_at == self.execution.nominal_at else None

    @property
    def stop_requested(self) -> bool:
        """True if the handler should end: its task was cancelled, its deadline passed, or the scheduler stops.

        An async handler is cancelled as well; a plain one cannot be, and reads this regularly. Callable on any thread.
        """
        return self.stop.requested

    def progress(self, fraction: float | None = None, text: str | None = None) -> None:
        """Report progress: to the event log and the execution, about once a second. Callable on any thread.

        Args:
            fraction: Of the work that is done, 0 to 1.
            text: The work under way, for people; its first 200 characters are stored.

        Raises:
            InvalidInput: Neither is given, or the fraction is out of range.
        """
        if fraction is None and text is None:
            raise InvalidInput("fraction", None, "a number from 0 to 1, a text, or both", 0.5)
        if fraction is not None and not 0 <= fraction <= 1:  # NaN is out of range too
            raise InvalidInput("fraction", fraction, "a number from 0 to 1", 0.5)
        stored = None if text is None else str(text)[:_LONGEST].encode("utf-8", "backslashreplace").decode()[:_LONGEST]
        self.report(self.execution, Progress(None if fraction is None else float(fraction), stored))


HandlerReturn = HandlerResult | str | None
"""None is `Done()`, a string is `Done(result=…)`."""

Handler = Callable[[Firing], Awaitable[HandlerReturn] | HandlerReturn]
"""Async or plain; a plain one runs on a thread of its own, so that it never holds up the scheduler or another handler.

An exception means failed, with its text as the reason. Being cancelled means that the deadline passed, that the task
was cancelled, or that the scheduler stops: clean up and let the cancellation through. A plain handler cannot be
cancelled, and reads `Firing.stop_requested` instead.
"""


class Handlers(NamedTuple):
    """The handlers of one scheduler."""

    default: Handler
    """Does the work of tasks without a queue."""
    of_queues: Mapping[str, Handler]
    """Do the work of queues, by their names; the work of any other queue waits for workers."""
