"""One edit of many tasks under way: its batches, and the outcome of each task."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from remembrancer.completion import complete
from remembrancer.context import IDEMPOTENCY_KEY, current_actor
from remembrancer.errors import (
    DuplicateTask,
    ForeignConstraint,
    GraphBusy,
    IdempotencyKeyReused,
    InvalidInput,
    OutcomeUnknown,
    QueryFailed,
    RemembrancerError,
    TaskContended,
    TaskNotFound,
    TaskUnreadable,
    TimerRefused,
)
from remembrancer.model.bulk_edit import BulkOutcome, BulkResult, BulkTask
from remembrancer.model.schedule import value_from
from remembrancer.model.task import FieldChange
from remembrancer.model.timestamps import to_ms
from remembrancer.operations.dependencies.blocked_tasks import dependents_warnings
from remembrancer.operations.edits.updated_task import changes
from remembrancer.operations.open_tasks import ROUNDS, OpenTasks, check_readable
from remembrancer.operations.validation import reply
from remembrancer.policies.pause import missed
from remembrancer.policies.timers import timers_moved
from remembrancer.ports.writes import Edit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.cancellation import Cancellation
    from remembrancer.model.task import ScheduledTask
    from remembrancer.operations.edits.planned_edits import Plan
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.filters import TaskFilter
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.timers import TimerGate
    from remembrancer.ports.writes import Change

BATCH: Final = 100
"""Tasks of one commit at most: the fires of others wait for it some 50 ms."""
SHOWN_CHARACTERS: Final = 100
"""Characters of a field that the answer shows of each task at most."""
_SHOWN_OF_ERROR: Final = 300
_OF_ONE_TASK: Final = (GraphBusy, ForeignConstraint, QueryFailed, DuplicateTask, InvalidInput)
"""Errors of a batch that one of its tasks may cause: then each is written alone."""
_ACTS: Final = {"pause": "paused", "resume": "resumed", "update": "updated", "cancel": "cancelled"}


class Ends(Protocol):
    """The ends of tasks, as the cancellation of a single one makes them."""

    async def end(self, task_id: str, change: Change) -> Cancellation:
        """End one task, whatever its node holds, and stop what runs of it."""
        ...

    async def stop_runs(self, task_id: str) -> list[str]:
        """Stop what runs of a task that has ended; return the executions that were asked to stop."""
        ...

    async def tell_referring(self, changed: Sequence[ScheduledTask], change: str) -> None:
        """Bring the tasks that follow the *changed* ones up to date, and those themselves after a renewal meanwhile."""
        ...


@dataclass(frozen=True, slots=True)
class BulkAction:
    """One edit for many tasks: its name in the audit log, its plan, its reason; a dry run writes nothing."""

    name: str
    plan: Plan
    reason: str | None
    dry_run: bool


class BulkRun:
    """One edit of many tasks.

    Args:
        store: The graph.
        clock: The time.
        action: The edit.
        selected: The filter by which the tasks were found; one that matches it no more is left alone.
        ends: Ends tasks that cannot be planned.
        timers: The host's word on timers; None without one.
    """

    def __init__(
        self,
        store: Graph,
        clock: Clock,
        action: BulkAction,
        selected: TaskFilter,
        ends: Ends,
        *,
        timers: TimerGate | None,
    ) -> None:
        self._store = store
        self._timers = timers
        self._tasks = OpenTasks(store, clock)
        self._action = action
        self._selected = selected
        self._ends = ends
        self._told: dict[str, BulkTask] = {}
        self._has_written = False
        self._key = None if action.dry_run else IDEMPOTENCY_KEY.get()
        """The key of the request, until a change has it."""
        self._fault: RemembrancerError | None = None
        self._ends_tasks = action.name == "cancel"

    async def over(self, found: Sequence[ScheduledTask], done: Mapping[str, str]) -> BulkResult:
        """Edit the tasks *found*, but those that the same request has edited before: *done*, ids with names."""
        for task_id, name in done.items():
            self._told[task_id] = BulkTask(task_id=task_id, name=name, outcome=BulkOutcome.UNCHANGED)
        left = [task for task in found if task.task_id not in done]
        for start in range(0, len(left), BATCH):
            await self._edit(left[start : start + BATCH])
            await asyncio.sleep(0)  # a dry run waits for nothing else
        places = {task.task_id: place for place, task in enumerate(found)}
        tasks = sorted(self._told.values(), key=lambda each: places.get(each.task_id, -1))
        counts = dict(Counter(each.outcome for each in tasks))
        ended = [each.task_id for each in tasks if each.outcome is BulkOutcome.CHANGED] if self._ends_tasks else []
        told = await dependents_warnings(self._store, ended, _ACTS[self._action.name]) if ended else []
        name, dry_run = self._action.name, self._action.dry_run
        return BulkResult(action=name, dry_run=dry_run, counts=counts, tasks=tasks, warnings=told)

    async def _edit(self, tasks: Sequence[ScheduledTask]) -> None:
        """Edit a batch, again those tasks of it that changed meanwhile."""
        for _ in range(ROUNDS):
            edits = [edit for task in tasks if (edit := self._planned(task))]
            if self._action.dry_run:
                for each in edits:
                    self._tell_change(each, [])
                return
            edits = edits if self._timers is None else [each for each in edits if await self._permitted(each)]
            lost = await complete(self._commit(edits)) if edits else []
            tasks = [task for each in lost if (task := await self._read_again(each.before))]
            if not tasks:
                return
        for task in tasks:
            contended = TaskContended(task.task_id, _ACTS[self._action.name], ROUNDS)
            self._tell(task, BulkOutcome.FAILED, contended)

    def _planned(self, task: ScheduledTask) -> Edit | None:
        """Return the edit of a task; None if nothing is to be written, with the outcome noted."""
        change = self._change(task)
        try:
            if self._action.name != "cancel":
                check_readable(task)
            wanted = self._action.plan(task, change.at)
        except (InvalidInput, TaskUnreadable) as refused:
            self._tell(task, BulkOutcome.REFUSED, refused)
            return None
        if wanted.after == task:
            self._tell(task, BulkOutcome.UNCHANGED)
            return None
        return Edit(task, wanted.after, change, wanted.outstanding)

    async def _permitted(self, edit: Edit) -> bool:
        """Return whether the host lets an edit be put on a timer; if not, its outcome is noted."""
        assert self._timers is not None  # noqa: S101 (the caller has looked)
        try:
            await self._timers.permit(timers_moved([(edit.before, edit.after)], current_actor()))
        except TimerRefused as refused:
            self._tell(edit.before, BulkOutcome.REFUSED, refused)
            return False
        return True

    def _change(self, task: ScheduledTask) -> Change:
        """Return the change of a task; under a key, the first is written under the key itself, and each other below."""
        change = self._tasks.change(self._action.name, self._action.reason, fence=task.fence)
        key = change.idempotency_key
        return change if key is None else replace(change, idempotency_key=key.of_edit(task.task_id))

    async def _commit(self, edits: Sequence[Edit]) -> list[Edit]:
        """Write edits in one commit, or each alone if one is refused; return those to be tried again."""
        if self._fault is not None:
            return self._failed(edits, self._fault)
        if self._key is not None:
            first = replace(edits[0], change=replace(edits[0].change, idempotency_key=self._key))
            edits = [first, *edits[1:]]
        try:
            written = await self._store.tasks.edit(edits)
        except _OF_ONE_TASK as refused:
            if len(edits) == 1:
                return await self._refused(edits[0], refused)
            return [lost for each in edits for lost in await self._commit([each])]
        except RemembrancerError as fault:
            if not self._has_written and not isinstance(fault, OutcomeUnknown):
                raise
            self._fault = fault
            return self._failed(edits, fault)
        return await self._after_commit(edits, written)

    async def _after_commit(self, edits: Sequence[Edit], written: Sequence[bool]) -> list[Edit]:
        """Note the outcomes of a commit, and stop what runs of tasks that ended; return the edits left out of it."""
        self._has_written |= any(written)
        self._key = None if written[0] else self._key
        ends = self._ends_tasks
        moved: list[ScheduledTask] = []
        for each, done in zip(edits, written, strict=True):
            if done:
                self._tell_change(each, await self._ends.stop_runs(each.task_id) if ends else [])
                if ends or each.before.schedule != each.after.schedule:
                    moved.append(each.after)
        await self._ends.tell_referring(moved, _ACTS[self._action.name])
        return [each for each, done in zip(edits, written, strict=True) if not done]

    async def _refused(self, edit: Edit, refused: RemembrancerError) -> list[Edit]:
        """Note the outcome of an edit that the graph refuses; a task that cannot be cancelled so is ended by itself."""
        if isinstance(refused, IdempotencyKeyReused):  # the same request, sent twice at once
            if self._key is not None:
                self._key = None
                return [edit]
            self._tell(edit.before, BulkOutcome.UNCHANGED)
        elif isinstance(refused, QueryFailed) and self._action.name == "cancel":
            ended = await self._ends.end(edit.task_id, edit.change)
            self._tell_change(edit, ended.stopping)
        else:
            return self._failed([edit], refused)
        return []

    def _failed(self, edits: Sequence[Edit], fault: RemembrancerError) -> list[Edit]:
        for each in edits:
            self._tell(each.before, BulkOutcome.FAILED, fault)
        return []

    async def _read_again(self, former: ScheduledTask) -> ScheduledTask | None:
        """Return a task as it is by now; None if it has ended or matches no more, with the outcome noted."""
        try:
            task = await self._store.tasks.get(former.task_id)
        except (TaskNotFound, TaskUnreadable) as gone:
            self._tell(former, BulkOutcome.GONE, gone)
            return None
        if task.status in self._selected.statuses and (not self._selected.match or self._selected.match.takes(task)):
            return task
        self._tell(task, BulkOutcome.GONE)
        return None

    def _tell(self, task: ScheduledTask, outcome: BulkOutcome, error: RemembrancerError | None = None) -> None:
        self._told[task.task_id] = BulkTask(
            task_id=task.task_id,
            name=task.name,
            outcome=outcome,
            error=None if error is None else str(error)[:_SHOWN_OF_ERROR],
        )

    def _tell_change(self, edit: Edit, stopping: list[str]) -> None:
        before, after, at = edit.before, edit.after, edit.change.at
        held, runs = missed(after, to_ms(at)) if self._action.name == "resume" else (0, 0)
        self._told[edit.task_id] = BulkTask(
            task_id=edit.task_id,
            name=after.name,
            outcome=BulkOutcome.CHANGED,
            fires_before=reply(before, at).next_fires,
            fires_after=reply(after, at).next_fires,
            changed=_in_brief(changes(before, after)) if self._action.name == "update" else {},
            missed=held,
            runs=runs,
            stopping=stopping,
        )


def _in_brief(changed: Mapping[str, FieldChange]) -> dict[str, FieldChange]:
    """Return changes with long values shortened: an answer has up to 10,000 tasks."""
    return {
        name: FieldChange(before=_brief(name, each.before), after=_brief(name, each.after))
        for name, each in changed.items()
    }


def _brief(name: str, value: object) -> object:
    text = value if isinstance(value, str) else str(value)
    if len(text) > SHOWN_CHARACTERS and name == "schedule_spec":
        value = text = str(value_from(text))  # half an object of JSON says nothing
    return value if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
