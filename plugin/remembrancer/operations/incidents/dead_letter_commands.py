"""The commands on dead letters, of the current actor: list them, run their tasks again, and clear them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from remembrancer.errors import InvalidInput, TaskEnded
from remembrancer.model.constraints import LONGEST_TEXT, read_context, read_id, read_limit, read_reason, read_text
from remembrancer.model.dead_letter import Rerun
from remembrancer.model.task_status import TaskStatus
from remembrancer.operations.open_tasks import OpenTasks, check_readable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from remembrancer.model.dead_letter import DeadLetter
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.operations.edits.manual_runs import ManualRuns
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Change

    StartAgain = Callable[[ScheduledTask, Change, Rerun], Awaitable[Execution | None]]


class DeadLetterCommands:
    """The dead letters of one graph.

    Args:
        store: The graph.
        clock: The time.
        runs: Start the runs that callers ask for.
    """

    def __init__(self, store: Graph, clock: Clock, runs: ManualRuns) -> None:
        self._store = store
        self._runs = runs
        self._tasks = OpenTasks(store, clock)

    async def all(self, task_id: str | None, limit: int) -> Sequence[DeadLetter]:
        """Return the dead letters of one task, or of all, the last to fail first."""
        read_limit(limit)
        return await self._store.dead_letters.all(None if task_id is None else read_id("task_id", task_id), limit)

    async def rerun(
        self, dead_letter_id: str, changed: Mapping[str, object], reason: str | None, start: StartAgain
    ) -> Execution:
        """Run the task of a dead letter again, with other input where *changed* has some."""
        text = None if reason is None else read_reason(reason)
        given = {name: value for name, value in changed.items() if value is not None}
        if "trigger_prompt" in given:
            read_text("trigger_prompt", given["trigger_prompt"], LONGEST_TEXT, "Write today's report")
        if "context" in given:
            given["context"] = read_context(given["context"])
        changed_input = json.dumps(given) if given else None
        letter: DeadLetter

        async def read() -> ScheduledTask:
            nonlocal letter
            letter = await self._letter(dead_letter_id)
            task = await self._store.tasks.get(letter.task_id)
            if task.status is TaskStatus.CANCELLED:
                raise TaskEnded(task.task_id, task.status, "run again")
            check_readable(task)
            return task

        async def begin(task: ScheduledTask) -> Execution | None:
            return await start(task, self._tasks.change("rerun", text), Rerun(letter, changed_input))

        return await self._runs.start(read, begin)

    async def clear(self, dead_letter_id: str, reason: str) -> bool:
        """Delete a dead letter; return False if there is none, or its task has failed for this fault meanwhile."""
        text = read_reason(reason)
        letter = await self._store.dead_letters.get(read_id("dead_letter_id", dead_letter_id))
        return letter is not None and await self._store.dead_letters.clear(
            letter, self._tasks.change("clear_dead_letter", text)
        )

    async def _letter(self, dead_letter_id: str) -> DeadLetter:
        letter = await self._store.dead_letters.get(read_id("dead_letter_id", dead_letter_id))
        if letter is None:
            allowed = "a dead letter that is listed"
            raise InvalidInput("dead_letter_id", dead_letter_id, allowed, "dead_5d41402abc4b2a76")
        return letter
