"""Replacement: the end of executions in whose place an occurrence is to run, as the overlap policy of its task says."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from remembrancer.errors import TaskNotFound, TaskUnreadable
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.policy import Overlap
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.overlap import replaced
from remembrancer.policies.retry import next_execution
from remembrancer.ports.writes import DueRetries, WaitingRetry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from remembrancer.engine.execution.executor import Executor
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.limits import Refusal
    from remembrancer.ports.writes import Claim, Lease


class Replacement:
    """The end of executions that are in the way of others.

    Args:
        store: The graph.
        clock: The time.
        executor: Stops those that run in this process.
        lease: Makes a lease of this replica.
    """

    def __init__(self, store: Graph, clock: Clock, executor: Executor, lease: Callable[[], Lease]) -> None:
        self._store = store
        self._clock = clock
        self._executor = executor
        self._lease = lease

    async def make_way(self, task: ScheduledTask, claim: Claim, refusal: Refusal) -> Claim | None:
        """End what is in the way of an occurrence of *task*; return the claim that takes its slot; None if it waits.

        With `cancel_other`, what runs is only asked to stop. An attempt that waits for its time never begins.
        """
        by = f"An occurrence of {task.task_id} came, whose overlap is {task.overlap}."
        is_free, fence = True, task.fence
        for each in await self._store.limits.executions(refusal.holders):
            if each.status is not ExecutionStatus.RUNNING:
                is_free &= await self._end_waiting(each, by)
                if is_free and each.task_id == task.task_id:  # the attempt has moved the fence
                    if (moved := await self._task_of(each)) is None:
                        return None
                    fence = moved.fence
            elif task.overlap is Overlap.TERMINATE_OTHER:
                await self._terminate(each, by)
            else:
                is_free = False
                if not self._executor.replace(each.execution_id, by):
                    await self._store.limits.ask_to_stop(each, by)
        if not is_free:
            return None
        return replace(claim, execution=claim.execution.model_copy(update={"fence": fence + 1}))

    async def _terminate(self, execution: Execution, by: str, ended_leases: Sequence[str] = ()) -> None:
        """Write the outcome of an execution, whatever its handler does, and ask that to stop."""
        ended = replaced(await self._task_of(execution), execution, by, self._clock.now())
        await self._store.queue.recover(ended_leases, [ended], self._lease())
        self._executor.replace(execution.execution_id, by)
        self._executor.telemetry.settled([ended.settlement])

    async def _end_waiting(self, former: Execution, by: str) -> bool:
        """Begin the attempt that waits after a failure, and end it at once; return whether it could be begun."""
        task = await self._task_of(former)
        if former.retry_due_ms is None or task is None:
            return False
        lease = self._lease()
        attempt = next_execution(former, to_ms(self._clock.now()), lease.replica_id)
        begun = await self._store.retries.act(DueRetries([(WaitingRetry(former, task), attempt)]), lease)
        for each in begun:
            await self._terminate(each, by, [lease.lease_id])
        return bool(begun)

    async def _task_of(self, execution: Execution) -> ScheduledTask | None:
        with suppress(TaskNotFound, TaskUnreadable):
            task = await self._store.tasks.get(execution.task_id)
            return task if task.unreadable is None else None
        return None
