"""What came of a request to cancel a task."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Whether this request ended the task, and which of its executions are to stop. It is true if it ended the task.

    Args:
        ended: False if there is no such task, or it had ended before.
        stopping: Executions under way in the process that cancelled, whose handlers were asked to stop.
    """

    ended: bool
    stopping: list[str] = field(default_factory=list[str])

    def __bool__(self) -> bool:
        """Whether this request ended the task."""
        return self.ended
