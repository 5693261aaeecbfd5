"""Edits of many tasks: pause, resume, update or cancel all that a selection names, batch by batch.

Each batch is one commit. Each edit in it is conditional on the fence of its task, and has its own entry in the audit
log. A task that changed meanwhile is read and planned again. A task whose edit is refused stops no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Unpack

from remembrancer.context import IDEMPOTENCY_KEY
from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_reason
from remembrancer.model.request import TASK_FIELDS
from remembrancer.operations.edits.bulk_run import BulkAction, BulkRun, Ends
from remembrancer.operations.edits.planned_edits import cancelling, pausing, resuming, updating
from remembrancer.operations.edits.task_edits import read_on_missed, reading_end
from remembrancer.operations.edits.task_selection import MOST_AT_ONCE, read_selection
from remembrancer.operations.edits.updated_task import check_changes
from remembrancer.operations.idempotency import reject_reuse
from remembrancer.operations.open_tasks import check_followed
from remembrancer.operations.references.resolution import resolved_fields
from remembrancer.operations.requested_schedule import followed_in, value_given

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.model.bulk_edit import BulkResult, TaskSelection
    from remembrancer.model.policy import Misfire
    from remembrancer.model.timestamps import Moment
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.timers import TimerGate

_LATER: Final = "These tasks are paused, and not the scheduler: one that is scheduled later runs."


class ManyTasks:
    """The edits of many tasks by the current actor, on one graph.

    Args:
        store: The graph.
        clock: The time.
        late_by_seconds: A time up to so far in the past fires at once.
        ends: Ends tasks, and stops what runs of them.
        timers: The host's word on timers; None without one.
    """

    def __init__(
        self, store: Graph, clock: Clock, late_by_seconds: float, ends: Ends, timers: TimerGate | None = None
    ) -> None:
        self._store = store
        self._timers = timers
        self._clock = clock
        self._late_by_seconds = late_by_seconds
        self._ends = ends

    async def pause(
        self, until: Moment | None, reason: str | None, *, dry_run: bool, **which: Unpack[TaskSelection]
    ) -> BulkResult:
        """Pause the tasks selected until *until*, or until they are resumed."""
        text = None if reason is None else read_reason(reason)
        plan = pausing(reading_end(until, self._clock.now()), text)
        result = await self._run(BulkAction("pause", plan, text, dry_run), which)
        return result.model_copy(update={"warnings": [_LATER]}) if which.get("all") else result

    async def resume(
        self, on_missed: Misfire | str | None, reason: str | None, *, dry_run: bool, **which: Unpack[TaskSelection]
    ) -> BulkResult:
        """End the pauses of those tasks selected that are paused."""
        text = None if reason is None else read_reason(reason)
        return await self._run(BulkAction("resume", resuming(read_on_missed(on_missed)), text, dry_run), which)

    async def update(
        self, changes: Mapping[str, object], reason: str | None, *, dry_run: bool, **which: Unpack[TaskSelection]
    ) -> BulkResult:
        """Give the tasks selected other values of these fields."""
        text = None if reason is None else read_reason(reason)
        changes = await resolved_fields(self._store, changes)
        check_changes(changes, self._clock.now(), self._late_by_seconds)
        if changes.get("schedule") is not None:
            await check_followed(self._store.tasks, [followed_in(value_given(changes["schedule"]))])
        plan = updating(changes, self._late_by_seconds)
        return await self._run(BulkAction("update", plan, text, dry_run), which)

    async def cancel(self, reason: str | None, *, dry_run: bool, **which: Unpack[TaskSelection]) -> BulkResult:
        """Cancel the tasks selected."""
        text = None if reason is None else read_reason(reason)
        return await self._run(BulkAction("cancel", cancelling, text, dry_run), which)

    async def _run(self, action: BulkAction, which: TaskSelection) -> BulkResult:
        selected = read_selection(which, paused=action.name == "resume")
        key = None if action.dry_run else IDEMPOTENCY_KEY.get()
        done: Mapping[str, str] = {}
        if key:
            await reject_reuse(self._store.idempotency, key)
            done = await self._store.idempotency.edited(key)
        found = await self._store.tasks.find(selected)
        if len(found) > MOST_AT_ONCE:
            allowed = f"tags, or another part of a selection, that at most {MOST_AT_ONCE:,} tasks have"
            raise InvalidInput("tags", which.get("tags"), allowed, TASK_FIELDS["tags"].example)
        run = BulkRun(self._store, self._clock, action, selected, self._ends, timers=self._timers)
        return await run.over(found, done)
