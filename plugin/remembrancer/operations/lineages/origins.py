"""The origin of new tasks: the execution whose handler schedules them, and the lineage that it belongs to.

The origin is a fact of the calling context. No argument names it, and none overrules it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.context import current_actor, executing
from remembrancer.errors import InvalidInput, LineageLimitReached
from remembrancer.model.budget import bounds_amounts, refuse_budget
from remembrancer.model.ids import new_id
from remembrancer.model.quota import quotas_of
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timer import TimerAction
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.timers import timer_of_task
from remembrancer.ports.lineages import Admission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.deferral import Deferral
    from remembrancer.model.idempotency import IdempotencyKey
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.lineages import LineageState, Origin
    from remembrancer.ports.timers import TimerGate
    from remembrancer.ports.writes import Change


class Origins:
    """The origins of the tasks that callers make on one graph.

    Args:
        store: The graph.
        limits: Bounds of lineages that have none of their own, by the names of a budget's parts.
        quotas: The most open tasks by the settings, by the keys of limits.
        timers: The host's word on timers; None without one.
    """

    def __init__(
        self,
        store: Graph,
        limits: Mapping[str, int],
        quotas: Mapping[str, int],
        timers: TimerGate | None = None,
    ) -> None:
        self._store = store
        self.timers = timers
        """The host's word on timers; None without one."""
        self._quotas = quotas
        self.limits = limits
        """Bounds of lineages that have none of their own."""

    async def of_caller(self) -> Origin | None:
        """Return the origin of tasks that the current caller makes; None if no handler of this graph makes them."""
        execution_id = executing()
        return None if execution_id is None else await self._store.lineages.origin_of(execution_id)

    async def create(  # noqa: PLR0913 (what is written together)
        self,
        tasks: Sequence[ScheduledTask],
        origin: Origin | None,
        now: datetime,
        *,
        first: Deferral | None = None,
        idempotency_key: IdempotencyKey | None = None,
        returned: Sequence[tuple[ScheduledTask, Change]] = (),
        permitted: bool = False,
    ) -> None:
        """Store new tasks with their *origin*, all or none; the host is asked unless it has *permitted* them.

        Raises:
            TimerRefused: The host does not let one of them be put on a timer.
            LineageLimitReached: The lineage does not admit them.
            QuotaReached: More tasks would be open than a quota allows.
            DuplicateTask: One of them has a dedup_key that is taken.
        """
        if not permitted:
            await self.permit(tasks, first)
        admission = None if origin is None else Admission(new_id("admission", to_ms(now)), origin, self.limits, now)
        if not await self._store.tasks.create(
            tasks,
            first=first,
            idempotency_key=idempotency_key,
            returned=returned,
            admission=admission,
            quotas=quotas_of(tasks, await self._store.limits.quotas(), self._quotas),
        ):
            assert origin is not None  # noqa: S101 (only an admission is refused)
            raise await self._refusal(origin, len(tasks))

    async def permit(self, tasks: Sequence[ScheduledTask], first: Deferral | None = None) -> None:
        """Ask the host about new tasks; *first* is the deferral for which they are made. Raises TimerRefused."""
        if self.timers is not None:
            author = current_actor()
            await self.timers.permit([timer_of_task(task, TimerAction.SCHEDULE, author, first) for task in tasks])

    async def _refusal(self, origin: Origin, tasks: int) -> InvalidInput:
        """Return the error for tasks that their lineage does not admit."""
        if (await self._store.tasks.get(origin.parent_id)).status is TaskStatus.CANCELLED:
            allowed = (
                f"the handler of a task that was not cancelled; {origin.parent_id} was, and schedules nothing more"
            )
            return InvalidInput("execution_id", origin.execution_id, allowed, None)
        current = await self._store.lineages.origin_of(origin.execution_id) or origin
        limits, lineage_id = self.limits_of(current.lineage), current.lineage.lineage_id
        generation = current.generation + 1
        if generation > limits.get("max_depth", generation):
            return LineageLimitReached("max_depth", lineage_id, limits["max_depth"], generation, current.parent_id)
        if current.spawned + tasks > limits.get("max_fan_out", current.spawned + tasks):
            asked, holder = current.spawned + tasks, current.execution_id
            return LineageLimitReached("max_fan_out", lineage_id, limits["max_fan_out"], asked, holder)
        most = limits.get("max_open_tasks", 0)
        asked = max(await self._store.lineages.open_spawned(lineage_id) + tasks, most + 1)  # some may have ended since
        return LineageLimitReached("max_open_tasks", lineage_id, most, asked, "its open tasks")

    def limits_of(self, lineage: LineageState) -> dict[str, int]:
        """Return the bounds of a lineage: its own, and else those of the settings."""
        return {**self.limits, **lineage.limits}


def with_origin(task: ScheduledTask, origin: Origin | None) -> ScheduledTask:
    """Return a new task with its place in the lineage of *origin*. Raises InvalidInput: it brings a budget."""
    if origin is None:
        return task.model_copy(update={"budget_id": task.origin_thought_id}) if bounds_amounts(task.budget) else task
    lineage_id = origin.lineage.lineage_id
    if task.budget is not None:
        refuse_budget(task.budget, lineage_id)
    place = {"lineage_id": lineage_id, "parent_id": origin.parent_id, "generation": origin.generation + 1}
    return task.model_copy(update=place)
