"""Manual runs: a task is read, its budget is asked, and one execution is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.errors import TaskContended
from remembrancer.operations.idempotency import run_once
from remembrancer.operations.open_tasks import ROUNDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.idempotency import IdempotencyRecord

    Check = Callable[[ScheduledTask], Awaitable[None]]


class ManualRuns:
    """The runs that callers ask for, outside the schedule.

    Args:
        store: The graph.
        check_left: Refuses a run of a task for which the budget of its lineage has not enough left.
    """

    def __init__(self, store: Graph, check_left: Check) -> None:
        self._store = store
        self._check_left = check_left

    async def start(
        self,
        read: Callable[[], Awaitable[ScheduledTask]],
        begin: Callable[[ScheduledTask], Awaitable[Execution | None]],
    ) -> Execution:
        """Return the execution that a caller asks for, as it started.

        Args:
            read: Returns the task, or refuses to run it.
            begin: Starts one execution of it; None if it has changed since it was read.
        """

        async def act() -> Execution:
            task_id = ""
            for _ in range(ROUNDS):  # one that has ended or changed before it could start is refused the next time
                task = await read()
                await self._check_left(task)
                if started := await begin(task):
                    return started
                task_id = task.task_id
            raise TaskContended(task_id, "run", ROUNDS)

        async def again(handled: IdempotencyRecord) -> Execution:
            return await self._store.tasks.execution(handled.execution_id or "")

        return await run_once(self._store.idempotency, act, again)
