"""The question store port: runs that wait for answers. The laws of `ports.graph` hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.question import Question
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Change, Reminder


class QuestionStore(Protocol):
    """The open questions of one memory graph. The task store asks them, with the deferrals that they are."""

    async def answer(self, before: ScheduledTask, after: ScheduledTask, change: Change) -> bool:
        """Close the question of a task that is still as it was read, with its answer; return whether it was.

        A claim or a reminder that was decided before is lost then.
        """
        ...

    async def ask_again(self, reminders: Sequence[Reminder]) -> Sequence[bool]:
        """Write questions that are asked again; return for each whether its task was still as it was read."""
        ...

    async def open_questions(self, limit: int) -> Sequence[Question]:
        """Return the open questions, the oldest first."""
        ...
