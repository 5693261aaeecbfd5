"""The application of a declared set: the tasks of the graph become those that are declared.

All is checked before anything is written. New tasks are made in one commit; a change of an open task is written with
its fence. An application that is interrupted, or meets another one, goes on from what the graph then holds.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, cast

from remembrancer.context import IDEMPOTENCY_KEY
from remembrancer.errors import DuplicateTask, InvalidInput, TaskChanged, TaskContended, TaskEnded
from remembrancer.model.task_set import AppliedSet, DeclaredTask, SetAction
from remembrancer.model.task_status import TaskStatus
from remembrancer.operations.ahead.next_fires import PREVIEWED, next_fires, read_count
from remembrancer.operations.declared_request import refers
from remembrancer.operations.edits.former_changes import ended_changes
from remembrancer.operations.edits.referring_tasks import ReferringTasks
from remembrancer.operations.edits.updated_task import changes, updated, with_anchors_of
from remembrancer.operations.lineages.origins import with_origin
from remembrancer.operations.open_tasks import ROUNDS, check_followed
from remembrancer.operations.references.local_tasks import in_order
from remembrancer.operations.references.resolution import resolved_schedule
from remembrancer.operations.sets.declarations import placed, requests_of, together
from remembrancer.operations.sets.differences import begins_again, changed_fields
from remembrancer.operations.sets.set_answers import merged, told
from remembrancer.operations.sets.set_dependencies import dependencies_of_set, followed_in_set
from remembrancer.operations.sets.set_keys import Numbered, dedup_key_of, latest, prefix_of
from remembrancer.operations.templates.template_use import expanded
from remembrancer.operations.validation import reply, validate
from remembrancer.ports.filters import TaskFilter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.cancellation import Cancellation
    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.task import ScheduledTask
    from remembrancer.model.task_template import TemplateSource
    from remembrancer.operations.edits.task_edits import TaskEdits
    from remembrancer.operations.lineages.origins import Origins
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph

_ALL: Final = 1_000_000
_REASON: Final = "The set {name} declares it so."
_REMOVED: Final = "The set {name} declares it no more."
_CONTESTED: Final = (DuplicateTask, TaskChanged, TaskEnded)
"""Refusals that say that the task is not as it was read."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A set as it is declared, and how to apply it.

    Args:
        name: The name of the set.
        tasks: By its key, the fields of each task.
        defaults: Fields of each task that does not have them.
        prune: Whether tasks that are declared no more are cancelled.
        dry_run: Whether nothing is written.
        fires: The number of next fires in the answer.
        sources: The templates of tasks, by their keys, once they are known.
    """

    name: str
    tasks: Mapping[str, object]
    defaults: Mapping[str, object] | None = None
    prune: bool = False
    dry_run: bool = False
    fires: int = PREVIEWED
    sources: Mapping[str, TemplateSource] = field(default_factory=dict[str, "TemplateSource"])


@dataclass(slots=True)
class _Step:
    """The next step for one key: the answer, the task to make, the one to cancel, or the fields to change."""

    answer: DeclaredTask
    task: ScheduledTask | None = None
    making: ScheduledTask | None = None
    fields: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def stands(self) -> ScheduledTask | None:
        """The task that stands under the key then."""
        return self.making or self.task


class TaskSets:
    """The application of sets by the current actor, on one graph.

    Args:
        store: The graph.
        clock: The time.
        late_by_seconds: A time up to so far in the past fires at once.
        admit: Makes the task that a request asks for.
        origins: Place new tasks in their lineages.
        edits: Changes open tasks.
        cancel: Cancels a task, for a reason, if it has this fence.
    """

    def __init__(  # noqa: PLR0913, PLR0917 (the parts of the commands that it uses)
        self,
        store: Graph,
        clock: Clock,
        late_by_seconds: float,
        admit: Callable[[ScheduleRequest, datetime], ScheduledTask],
        origins: Origins,
        edits: TaskEdits,
        cancel: Callable[[str, str | None, int | None], Awaitable[Cancellation]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._late_by_seconds = late_by_seconds
        self._admit = admit
        self._origins = origins
        self._edits = edits
        self._cancel = cancel
        self._referring = ReferringTasks(store, clock, late_by_seconds)

    async def apply(self, declared: Declaration) -> AppliedSet:
        """Make the tasks of the graph those that are declared; return what became of each. Raises InvalidInput."""
        read_count(declared.fires)
        tasks, sources, unfilled = await expanded(self._store, declared.tasks)
        declared = replace(declared, tasks=tasks, sources=sources)
        requests, faults = requests_of(declared.name, tasks, declared.defaults, self._clock.now())
        faults += [placed(fault, key) for key, fault in unfilled.items()]
        requests = await self._checked(requests, faults)
        done: dict[str, DeclaredTask] = {}
        with _each_by_itself():
            for _ in range(ROUNDS):
                steps = await self._planned(declared, requests)
                if declared.dry_run:
                    return _answer(declared, steps, {})
                try:
                    await self._take(declared, steps, done)
                except _CONTESTED:  # another application, or the task itself, was faster: look again
                    continue
                return _answer(declared, steps, done)
        raise TaskContended(f"set {declared.name}", "applied", ROUNDS)

    async def _checked(
        self, requests: Mapping[str, ScheduleRequest], faults: list[InvalidInput]
    ) -> dict[str, ScheduleRequest]:
        """Return the requests with the content of their references; refuse all if one is wrong."""
        now, found = self._clock.now(), dict(requests)
        followed = followed_in_set(requests, faults)
        for key, request in requests.items():
            if not refers(request) or key in followed:
                continue
            try:
                schedule: Any = await resolved_schedule(self._store, request.schedule)
                found[key] = replace(request, schedule=schedule)
                validate(found[key], now, self._late_by_seconds, {})
            except InvalidInput as wrong:
                faults.append(placed(wrong, key))
        if faults:
            raise together(faults)
        return found

    async def _planned(self, declared: Declaration, requests: Mapping[str, ScheduleRequest]) -> list[_Step]:
        """Return what is to be done about each key, by what the graph holds now."""
        now = self._clock.now()
        found = await self._store.tasks.find(TaskFilter(limit=_ALL, dedup_prefix=prefix_of(declared.name)))
        known, leftover = latest(found)
        requests, steps = await self._ordered(declared, requests, known, now)
        if any(request.depends_on for request in requests.values()):
            steps = await self._waiting(declared, requests, steps, known, now)
        await self._check_followed(steps)
        gone = [(key, each.task) for key, each in sorted(known.items()) if key not in requests and each.task.is_open]
        action = SetAction.REMOVED if declared.prune else SetAction.KEPT
        steps += [self._gone(declared, key, task, action) for key, task in gone]
        return steps + [self._gone(declared, task.dedup_key or "", task, SetAction.REMOVED) for task in leftover]

    async def _ordered(
        self,
        declared: Declaration,
        requests: Mapping[str, ScheduleRequest],
        known: Mapping[str, Numbered],
        now: datetime,
    ) -> tuple[Mapping[str, ScheduleRequest], list[_Step]]:
        """Return the requests with the tasks of the set that their schedules refer to, and what is to be done."""
        followed = followed_in_set(requests, [])
        found, steps = dict(requests), dict[str, _Step]()
        for key in in_order([*requests], followed):
            try:
                if others := followed.get(key):
                    local = {name: task for name, other in others.items() if (task := steps[other].stands)}
                    schedule: Any = await resolved_schedule(self._store, requests[key].schedule, local)
                    found[key] = replace(requests[key], schedule=schedule)
                steps[key] = self._step(declared, key, found[key], known.get(key), now)
            except InvalidInput as wrong:
                raise wrong if wrong.field.startswith("tasks.") else placed(wrong, key) from wrong
        return found, [steps[key] for key in requests]

    async def _check_followed(self, steps: Sequence[_Step]) -> None:
        """Refuse new tasks that follow one which is not there, or has ended."""
        new = {step.making.task_id for step in steps if step.making is not None}
        for step in steps:
            if step.making is not None and step.making.runs_after_id not in {None, *new}:
                try:
                    await check_followed(self._store.tasks, [step.making.runs_after_id])
                except InvalidInput as wrong:
                    raise placed(wrong, step.answer.key) from wrong

    async def _waiting(
        self,
        declared: Declaration,
        requests: Mapping[str, ScheduleRequest],
        steps: Sequence[_Step],
        known: Mapping[str, Numbered],
        now: datetime,
    ) -> list[_Step]:
        """Return the steps with the ids of the tasks that others depend on, which may be new ones of the set."""
        tasks = {step.answer.key: task for step in steps if (task := step.making or step.task) is not None}
        new = [step.making for step in steps if step.making is not None]
        found = await dependencies_of_set(self._store, requests, tasks, new)
        settled: list[_Step] = []
        for step in steps:
            key = step.answer.key
            depends_on = found.get(key, ())
            if step.making is None:
                request = replace(requests[key], depends_on=depends_on)
                settled.append(self._step(declared, key, request, known.get(key), now))
            else:
                step.making = step.making.model_copy(update={"depends_on": depends_on})
                settled.append(step)
        return settled

    def _step(
        self, declared: Declaration, key: str, request: ScheduleRequest, known: Numbered | None, now: datetime
    ) -> _Step:
        """Return what is to be done about one declared task."""
        source = declared.sources.get(key)
        if known is None:
            return self._made(declared, key, self._wanted(request, now, source), 1, None)
        task = known.task
        kept = with_anchors_of(task, request.schedule, request.defer_until)
        wanted = self._wanted(replace(request, schedule=cast("Any", kept)), now, source)
        if not task.is_open:
            if begins_again(task, wanted, now):
                return self._made(declared, key, self._wanted(request, now, source), known.number + 1, None)
            return _Step(told(key, SetAction.ENDED, task), task)
        if task.task_type is not wanted.task_type:
            return self._made(declared, key, wanted, known.number + 1, task)
        fields = changed_fields(task, wanted, request, now)
        if not fields:
            return _Step(told(key, SetAction.UNCHANGED, task), task)
        try:
            after = updated(task, fields, now, self._late_by_seconds).after
        except InvalidInput as wrong:
            raise placed(wrong, key) from wrong
        shown = reply(after, now, count=declared.fires)
        answer = told(
            key,
            SetAction.CHANGED,
            after,
            changed=changes(task, after),
            fires_before=next_fires(task, declared.fires)[0],
            fires_after=shown.next_fires,
            description=shown.description,
            warnings=[*ended_changes(task, after, now), *shown.warnings],
        )
        return _Step(answer, task, fields=fields)

    def _wanted(self, request: ScheduleRequest, now: datetime, source: TemplateSource | None) -> ScheduledTask:
        """Return the task that a request asks for."""
        task = self._admit(request, now)
        return task if source is None else source.marked(task)

    def _made(
        self, declared: Declaration, key: str, wanted: ScheduledTask, number: int, former: ScheduledTask | None
    ) -> _Step:
        """Return the step that makes a task, in the place of a *former* one if there is one."""
        making = wanted.model_copy(update={"dedup_key": dedup_key_of(declared.name, key, number)})
        shown = reply(making, self._clock.now(), count=declared.fires)
        answer = told(
            key,
            SetAction.CREATED if former is None else SetAction.REPLACED,
            making,
            fires_before=[] if former is None else next_fires(former, declared.fires)[0],
            fires_after=shown.next_fires,
            description=shown.description,
            warnings=shown.warnings,
        )
        if declared.dry_run:
            answer = answer.model_copy(update={"task_id": None})
        return _Step(answer, former, making)

    def _gone(self, declared: Declaration, key: str, task: ScheduledTask, action: SetAction) -> _Step:
        """Return what is to be done about a task that is declared no more."""
        if action is SetAction.KEPT:
            return _Step(told(key, action, task), task)
        answer = told(key, action, task, fires_before=next_fires(task, declared.fires)[0])
        return _Step(answer.model_copy(update={"status": TaskStatus.CANCELLED}), task)

    async def _take(self, declared: Declaration, steps: Sequence[_Step], done: dict[str, DeclaredTask]) -> None:
        """Write the steps: cancel what is replaced, make what is new in one commit, change, and cancel the rest."""
        made = [step for step in steps if step.making is not None]
        await self._origins.permit([step.making for step in made if step.making is not None])
        reason, removed = _REASON.format(name=declared.name), _REMOVED.format(name=declared.name)
        for step in made:
            if step.task is not None:
                await self._cancel(step.task.task_id, reason, step.task.fence)
                done[step.answer.key] = step.answer
        if made:
            making = [step.making for step in made if step.making is not None]
            origin = await self._origins.of_caller()
            making = [with_origin(task, origin) for task in making]
            await self._origins.create(making, origin, self._clock.now(), permitted=True)
            await self._referring.meet_renewals(making)
            done.update({step.answer.key: merged(done.get(step.answer.key), step.answer) for step in made})
        for step in steps:
            if step.fields and step.task is not None:
                await self._edits.update(step.task.task_id, step.fields, reason, step.task.fence, declared.fires)
                done[step.answer.key] = step.answer
        for step in steps:
            if step.answer.action is SetAction.REMOVED and step.task is not None:
                await self._cancel(step.task.task_id, removed, step.task.fence)
                done[step.answer.key] = step.answer


def _answer(declared: Declaration, steps: Sequence[_Step], done: Mapping[str, DeclaredTask]) -> AppliedSet:
    """Return the answer: what was *done* in any round, and else what the last one found."""
    last = {step.answer.key: step.answer for step in steps}
    return AppliedSet(name=declared.name, dry_run=declared.dry_run, tasks=list({**last, **done}.values()))


@contextmanager
def _each_by_itself() -> Generator[None]:
    """Write without the request's idempotency key: an application sent again finds its own work in the graph."""
    token = IDEMPOTENCY_KEY.set(None)
    try:
        yield
    finally:
        IDEMPOTENCY_KEY.reset(token)
