"""The history by status: any status or several, with a range of time and a limit, on each kind of graph."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from remembrancer import Defer, Failed, TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.model.execution import ExecutionStatus
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from remembrancer import Execution, Firing, HandlerResult
    from remembrancer.testing import VirtualClock

QUARTER = timedelta(minutes=15)


async def _various(firing: Firing) -> HandlerResult | str:
    """End each occurrence in another way: by the quarter of the hour."""
    quarter = firing.execution.nominal_at.minute // 15
    if quarter == 1:
        return Failed("No luck")
    if quarter == 2:
        return Defer(firing.execution.nominal_at + timedelta(minutes=20), "Later")
    return "done"


@pytest.fixture
async def service(graph: str, clock: VirtualClock) -> AsyncIterator[TaskSchedulerService]:
    """A service with executions of six statuses: two tasks have run for some hours, and were down for some."""
    made = TaskSchedulerService(graph, clock, handler=_various)
    async with ManualScheduler(made, clock) as paced:
        for name in ("Tea", "Coffee"):
            await made.schedule_task(name, "goal", "prompt", "t", schedule_cron="*/15 * * * *")
        for _ in range(9):
            await paced.tick(QUARTER)
        await paced.tick(4 * QUARTER)
        tasks = await made.find_tasks()
        await made.skip_next(tasks[0].task_id, 1)
        await paced.tick(QUARTER)
        clock.set(clock.now() + 2 * QUARTER)
        await made.cancel_task(tasks[1].task_id)
        yield made


def matching(every: Sequence[Execution], statuses: Sequence[str]) -> list[str]:
    return [each.execution_id for each in every if each.status in statuses]


async def test_a_history_has_the_statuses_asked_for(service: TaskSchedulerService) -> None:
    every = await service.history(limit=1000)
    seen = sorted({each.status for each in every})
    assert {"completed", "failed", "deferred", "missed", "skipped", "cancelled"} <= set(seen)

    for statuses in [*combinations(seen, 1), *combinations(seen, 2), ("running",), tuple(ExecutionStatus)]:
        found = await service.history(status=statuses)
        assert [each.execution_id for each in found] == matching(every, statuses), statuses
    found = await service.history(every[0].task_id, status="failed")
    assert matching(found, ["failed"]) == matching([e for e in every if e.task_id == every[0].task_id], ["failed"])


async def test_a_status_goes_with_a_range_and_pages(service: TaskSchedulerService) -> None:
    every = await service.history(limit=1000)
    since, until = every[-3].nominal_at, every[1].nominal_at
    ranged = [each for each in every if since <= each.nominal_at < until]
    for statuses in (["failed", "missed"], ["completed"], ["completed", "failed"], "failed"):
        wanted = matching(ranged, [statuses] if isinstance(statuses, str) else statuses)
        for task_id in (None, every[0].task_id):
            paged: list[Execution] = []
            before: str | None = None
            while page := await service.history(task_id, 1, before, since=since, until=until, status=statuses):
                paged += page
                before = page[-1].execution_id
            ours = {each.execution_id for each in every if task_id in {None, each.task_id}}
            assert [each.execution_id for each in paged] == [each for each in wanted if each in ours]


async def test_a_completed_execution_has_no_outcome_key(service: TaskSchedulerService) -> None:
    found = await service.cypher(
        "MATCH (e:task_execution) RETURN e.status AS status, e.outcome_key AS key, e.execution_id AS id"
    )

    assert {row["key"] for row in found if row["status"] == "completed"} == {None}
    assert all(row["key"] == f"{row['status']}|{row['id']}" for row in found if row["status"] != "completed")


@pytest.mark.parametrize("status", ["done", ["failed", "done"], "Failed"])
async def test_a_status_that_is_none_is_refused(service: TaskSchedulerService, status: str | list[str]) -> None:
    with pytest.raises(InvalidInput, match="status"):
        await service.history(status=status)
