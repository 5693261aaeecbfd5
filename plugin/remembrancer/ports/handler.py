"""The handler: what an agent gives to have its tasks done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from remembrancer.errors import InvalidInput
from remembrancer.model.execution import Execution
from remembrancer.model.handler_result import HandlerResult
from remembrancer.model.task import ScheduledTask
from remembrancer.ports.sync_calls import OUTSIDE, SyncCalls

_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a handler has come: a fraction of its work, from 0 to 1, a text, or both."""

    fraction: float | None
    text: str | None


def ignore_progress(_: Execution, __: Progress) -> None:
    """Nobody listens: the firing was made outside of a scheduler."""


@dataclass(slots=True, eq=False)
class StopSignal:
    """Whether a handler is asked to stop: set once by the scheduler, read on any thread."""

    requested: bool = False


@dataclass(frozen=True, slots=True)
class Firing:
    """One execution under way and the task it is of; what a handler is called with."""

    execution: Execution
    task: ScheduledTask
    report: Callable[[Execution, Progress], None] = ignore_progress
    """Where progress goes; handlers call `progress`."""
    stop: StopSignal = field(default_factory=StopSignal, compare=False, repr=False)
    """What `stop_requested` reads."""
    scheduler: SyncCalls = field(default=OUTSIDE, repr=False, compare=False)
    """The scheduler that fired, for a plain handler: methods that wait for their answer. Not for an async handler."""

    @property
    def trigger_prompt(self) -> str:
        """What the agent asked to be reminded of."""
        return self.task.trigger_prompt

    @property
    def stop_requested(self) -> bool:
        """Whether the handler should end: its task was cancelled, its deadline passed, or the scheduler stops.

        An async handler is cancelled as well; a plain one cannot be, and reads this now and then. On any thread.
        """
        return self.stop.requested

    def progress(self, fraction: float | None = None, text: str | None = None) -> None:
        """Tell how far the work is: in the event log and with the execution, about once a second. On any thread.

        Args:
            fraction: Of the work that is done, 0 to 1.
            text: What is under way, for people; its first 200 characters are kept.

        Raises:
            InvalidInput: Neither is given, or the fraction is none.
        """
        if fraction is None and text is None:
            raise InvalidInput("fraction", None, "a number from 0 to 1, a text, or both", 0.5)
        if fraction is not None and not 0 <= fraction <= 1:  # so it is of NaN as well
            raise InvalidInput("fraction", fraction, "a number from 0 to 1", 0.5)
        kept = None if text is None else str(text)[:_LONGEST].encode("utf-8", "backslashreplace").decode()[:_LONGEST]
        self.report(self.execution, Progress(None if fraction is None else float(fraction), kept))


HandlerReturn = HandlerResult | str | None
"""None is `Done()`, a string is `Done(result=…)`."""

Handler = Callable[[Firing], Awaitable[HandlerReturn] | HandlerReturn]
"""Async or plain; a plain one runs on a thread of its own, so that it never holds up the scheduler or another handler.

An exception means failed, with its text as the reason. Being cancelled means that the deadline passed, that the task
was cancelled, or that the scheduler stops: clean up and let the cancellation through. A plain handler cannot be
cancelled; `Firing.stop_requested` tells it the same.
"""
