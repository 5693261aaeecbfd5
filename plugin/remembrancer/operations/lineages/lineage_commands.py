"""The commands on lineages, of the current actor: look at one, set its budget, stop it or a part of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from remembrancer.context import IDEMPOTENCY_KEY, current_actor, executing
from remembrancer.errors import InvalidInput, LineageLimitReached, TaskNotFound
from remembrancer.model.budget import ON_EXHAUSTED, Budget, money_text, read_budget, refuse_budget
from remembrancer.model.bulk_edit import BulkResult
from remembrancer.model.constraints import read_id, read_limit, read_reason
from remembrancer.model.lineage import Lineage, LineageTask, OpenLineage
from remembrancer.model.request import TASK_FIELDS
from remembrancer.model.task_status import OPEN_STATUSES
from remembrancer.operations.edits.bulk_run import BulkAction, BulkRun, Ends
from remembrancer.operations.edits.planned_edits import cancelling
from remembrancer.operations.idempotency import reject_reuse
from remembrancer.operations.open_tasks import ROUNDS
from remembrancer.policies.budget import lineages_of, shortage_of, wait_key_of
from remembrancer.ports.filters import TaskFilter
from remembrancer.ports.lineages import LineageState
from remembrancer.ports.writes import Change

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.operations.lineages.origins import Origins
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph

MOST: Final = 10_000
"""The most tasks of a lineage that an answer has."""


class LineageCommands:
    """The lineages of one graph.

    Args:
        store: The graph.
        clock: The time.
        origins: Know the bounds of lineages that have none of their own.
        ends: Ends tasks, and stops what runs of them.
    """

    def __init__(self, store: Graph, clock: Clock, origins: Origins, ends: Ends) -> None:
        self._store = store
        self._clock = clock
        self._origins = origins
        self._ends = ends

    async def get(self, of: str, limit: int) -> Lineage:
        """Return the lineage of a task, or the one that a thought started. Raises TaskNotFound."""
        read_limit(limit)
        lineage_id, _ = await self._named(of)
        state = await self._store.lineages.get(lineage_id) or LineageState(lineage_id)
        found = await self._store.lineages.tasks(lineage_id, limit + 1)
        shown = [_shown(task) for task in found[:limit]]
        return Lineage(
            lineage_id=lineage_id,
            budget={**_amounts(state.caps), **self._origins.limits_of(state), **_choice(state)},
            spent=_amounts(state.spent),
            reserved=_amounts(state.reserved),
            left=_amounts({name: state.left(name) for name in state.caps}),
            tasks=shown,
            open_tasks=sum(each.status in OPEN_STATUSES for each in shown),
            spawned=state.spawned,
            depth=max((each.generation for each in shown), default=0),
            is_whole=len(found) <= limit,
        )

    async def open(self, limit: int) -> Sequence[OpenLineage]:
        """Return lineages with open tasks, of the first 10,000 of these: those that have a budget, or have grown."""
        read_limit(limit)
        tasks = await self._store.tasks.find(TaskFilter(frozenset(OPEN_STATUSES), None, MOST))
        of: dict[str, list[ScheduledTask]] = {}
        for task in tasks:
            of.setdefault(task.lineage_id or task.origin_thought_id, []).append(task)
        states: Mapping[str, LineageState] = await self._store.lineages.states(of)
        found = sorted(states.values(), key=lambda state: (-len(of[state.lineage_id]), state.lineage_id))
        return [
            OpenLineage(
                lineage_id=state.lineage_id,
                budget={**_amounts(state.caps), **self._origins.limits_of(state), **_choice(state)},
                spent=_amounts(state.spent),
                reserved=_amounts(state.reserved),
                left=_amounts({name: state.left(name) for name in state.caps}),
                open_tasks=len(of[state.lineage_id]),
                generation=max(task.generation or 0 for task in of[state.lineage_id]),
            )
            for state in found[:limit]
        ]

    async def set_budget(self, of: str, budget: object, reason: str | None) -> Lineage:
        """Give the lineage of a task, or of a thought, other bounds, those that *budget* names. Raises InvalidInput."""
        text = None if reason is None else read_reason(reason)
        wanted = read_budget("budget", budget, TASK_FIELDS["budget"].example)
        if not wanted:
            raise InvalidInput("budget", budget, "at least one part of a budget", TASK_FIELDS["budget"].example)
        lineage_id, _ = await self._named(of)
        if executing() is not None:
            refuse_budget(budget, lineage_id)
        author = current_actor()
        change = Change("set_budget", self._clock.now(), author.surface, author.actor, text)
        await self._store.lineages.set_budget(lineage_id, wanted, change)
        await self._store.waits.wake(wait_key_of(lineage_id))
        return await self.get(lineage_id, MOST)

    async def check_left(self, task: ScheduledTask) -> None:
        """Refuse a run by hand for which the budget of its lineage has not enough left. Raises LineageLimitReached."""
        if (short := shortage_of(task, await lineages_of(self._store.lineages, [task]))) is None:
            return
        name, draw, state = short.name, short.draw, short.state
        needed = {"runs": 1, "tokens": max(1, draw.tokens), "money": max(1, draw.money)}[name]
        asked = state.caps[name] - state.left(name) + needed
        most, asked = (_amounts({name: amount})[name] for amount in (state.caps[name], asked))
        raise LineageLimitReached(name, draw.lineage_id, most, asked, "what its runs have spent and reserved")

    async def stop(self, of: str, reason: str | None, *, dry_run: bool) -> BulkResult:
        """Cancel the open tasks of a lineage; of a task, it and all that came of it. Raises TaskNotFound.

        A handler of a cancelled task can schedule nothing more, so nothing new comes of them.
        """
        text = None if reason is None else read_reason(reason)
        if key := None if dry_run else IDEMPOTENCY_KEY.get():
            await reject_reuse(self._store.idempotency, key)
        lineage_id, task = await self._named(of)
        selected = TaskFilter(frozenset(OPEN_STATUSES), None, MOST, None)
        action = BulkAction("cancel", cancelling, text, dry_run)
        run = BulkRun(self._store, self._clock, action, selected, self._ends, timers=None)  # an end arms nothing
        result = BulkResult(action="cancel", dry_run=dry_run, counts={}, tasks=[])
        for _ in range(ROUNDS):  # a handler may schedule another one until its own task is cancelled
            known = {each.task_id for each in result.tasks}
            found = await self._store.lineages.tasks(lineage_id, MOST)
            found = found if task is None else _below(task.task_id, found)
            left = [each for each in found if each.is_open and each.task_id not in known]
            if not left:
                break
            result = await run.over(left, {})
            if dry_run:
                break
        return result.model_copy(update={"counts": dict(Counter(each.outcome for each in result.tasks))})

    async def _named(self, of: str) -> tuple[str, ScheduledTask | None]:
        """Return the lineage of a task or a thought, and the task. Raises TaskNotFound."""
        read_id("of", of)
        try:
            task = await self._store.tasks.get(of)
        except TaskNotFound:
            if await self._store.lineages.has_thought(of):
                return of, None
            raise TaskNotFound(of, or_thought=True) from None
        return task.lineage_id or task.origin_thought_id, task


def _below(task_id: str, tasks: Sequence[ScheduledTask]) -> list[ScheduledTask]:
    """Return a task and those that came of it, of *tasks* in which parents come before children."""
    taken = {task_id}
    for task in tasks:
        if task.parent_id in taken:
            taken.add(task.task_id)
    return [task for task in tasks if task.task_id in taken]


def _shown(task: ScheduledTask) -> LineageTask:
    spawned = task.parent_id is not None
    return LineageTask(
        task_id=task.task_id,
        name=task.name,
        status=task.status,
        generation=task.generation or 0,
        parent_id=task.parent_id,
        execution_id=task.created_by if spawned else None,
        created_at=task.created_at,
    )


def _amounts(amounts: Mapping[str, int]) -> Budget:
    """Return amounts as people read them."""
    return {name: money_text(amount) if name == "money" else amount for name, amount in amounts.items()}


def _choice(state: LineageState) -> Budget:
    """Return what becomes of runs with nothing left, where the budget bounds any amount."""
    return {ON_EXHAUSTED: state.on_exhausted.value} if state.caps else {}
