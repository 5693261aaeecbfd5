"""The result of a request to cancel a task."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The result of a cancellation: true if this request ended the task.

    Args:
        ended: False if the task does not exist, or had already ended.
        stopping: Ids of running executions in the cancelling process whose handlers were asked to stop.
        warnings: The open tasks that depend on the ended one, and what becomes of them.
    """

    ended: bool
    stopping: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])

    def __bool__(self) -> bool:
        """Return True if this request ended the task."""
        return self.ended
