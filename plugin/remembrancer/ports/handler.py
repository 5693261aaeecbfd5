"""The handler: what an agent gives to have its tasks done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from remembrancer.model.outcome import Outcome

if TYPE_CHECKING:
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask


@dataclass(frozen=True, slots=True)
class Firing:
    """One execution under way and the task it is of; what a handler is called with."""

    execution: Execution
    task: ScheduledTask

    @property
    def trigger_prompt(self) -> str:
        """What the agent asked to be reminded of."""
        return self.task.trigger_prompt


Answer = Outcome | str | None
"""None is `Done()`, a string is `Done(result=…)`."""

Handler = Callable[[Firing], Awaitable[Answer] | Answer]
"""Async or plain; a plain one runs on a thread of its own, so that it never holds up the scheduler.

An exception means failed, with its text as the reason. Being cancelled means that the deadline passed
or that the scheduler stops: clean up and let the cancellation through.
"""
