"""Tasks that follow another task's times, on each kind of graph: they move with it, and end with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import AllOf, Bounded, Cron, Every, Offset, TaskSchedulerService, TaskStatus, TaskTimes, Weekly
from remembrancer.errors import InvalidInput
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import ScheduleResult
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def paced(graph: str, clock: VirtualClock) -> AsyncIterator[ManualScheduler]:
    """A scheduler over a graph of each kind, driven by hand."""
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        yield scheduler


async def schedule(paced: ManualScheduler, given: object = None, **fields: Any) -> ScheduleResult:
    return await paced.service.schedule_task("Talk", "goal", "prompt", "t", schedule=given, **fields)


def before(task: ScheduleResult, by: str = "-15m") -> Offset:
    return Offset(TaskTimes(task.task_id), by=by)


async def armed(paced: ManualScheduler, task: ScheduleResult) -> str:
    found = await paced.service.get_task(task.task_id)
    if found.next_run_ms is None:
        return found.status.value
    return f"{datetime.fromtimestamp(found.next_run_ms / 1000, UTC):%d %H:%M}"


async def test_a_follower_fires_before_the_other_task(paced: ManualScheduler) -> None:
    talk = await schedule(paced, Cron("0 10 * * *"))
    notes = await schedule(paced, before(talk))
    for _ in range(3):
        await paced.tick(timedelta(hours=24))
    runs = [[run.nominal_at for run in await paced.service.history(each.task_id)] for each in (talk, notes)]

    assert [each - 15 * MINUTE for each in runs[0]] == runs[1]
    assert len(runs[1]) == 3


async def test_followers_of_a_follower_move_with_the_first(paced: ManualScheduler) -> None:
    talk = await schedule(paced, Cron("0 10 * * *"))
    notes = await schedule(paced, before(talk))
    tea = await schedule(paced, before(notes, "-5m"))
    assert [await armed(paced, each) for each in (talk, notes, tea)] == ["02 10:00", "02 09:45", "02 09:40"]
    await paced.service.update_task(talk.task_id, schedule=Cron("0 14 * * *"))
    assert [await armed(paced, each) for each in (talk, notes, tea)] == ["02 14:00", "02 13:45", "02 13:40"]
    entry = (await paced.service.audit_entries(tea.task_id))[-1]
    assert (entry.action, entry.reason) == ("update", f"The task {talk.task_id}, which it follows, was updated.")


async def test_a_follower_of_a_one_time_task_moves_with_it(paced: ManualScheduler) -> None:
    talk = await schedule(paced, defer_until="2026-03-28T18:00", timezone="Europe/Berlin")
    after = await schedule(paced, Offset(TaskTimes(talk.task_id), days=2))
    assert await armed(paced, after) == "30 16:00"  # at the same time of day, after the clock change
    await paced.service.update_task(talk.task_id, defer_until="2026-03-20T18:00")
    assert await armed(paced, after) == "22 17:00"
    await paced.service.defer_task(talk.task_id, datetime(2026, 3, 21, 17, tzinfo=UTC), "Busy")
    assert await armed(paced, after) == "23 17:00"


async def test_a_follower_outlives_a_task_that_is_complete(paced: ManualScheduler) -> None:
    talk = await schedule(paced, Bounded(Cron("0 10 * * *"), start="2026-03-02", count=2))
    after = await schedule(paced, Offset(TaskTimes(talk.task_id), by="30h"))
    for _ in range(5):
        await paced.tick(timedelta(hours=24))
    runs = await paced.service.history(after.task_id)

    assert (await paced.service.get_task(talk.task_id)).status is TaskStatus.COMPLETE
    assert [f"{run.nominal_at:%d %H:%M}" for run in reversed(runs)] == ["03 16:00", "04 16:00"]
    assert await armed(paced, after) == "COMPLETE"


async def test_a_follower_ends_with_a_task_that_is_cancelled(paced: ManualScheduler, clock: VirtualClock) -> None:
    talk = await schedule(paced, Cron("0 10 * * *"))
    notes, later = await schedule(paced, before(talk)), await schedule(paced, before(talk, "2h"))
    await paced.tick(timedelta(hours=2))
    await paced.service.cancel_task(talk.task_id)
    assert await armed(paced, notes) == "CANCELLED"
    assert await armed(paced, later) == "02 12:00"  # of the time that had come
    reason = (await paced.service.audit_entries(notes.task_id))[-1].reason
    assert reason is not None
    assert reason.startswith(f"The task {talk.task_id}, which it follows, was cancelled.")
    await paced.tick(timedelta(hours=2))
    assert await armed(paced, later) == "COMPLETE"


async def test_a_follower_keeps_its_deferral_when_the_task_moves(paced: ManualScheduler) -> None:
    talk = await schedule(paced, Cron("0 10 * * *"))
    notes = await schedule(paced, before(talk))
    await paced.service.defer_task(notes.task_id, datetime(2026, 3, 4, 12, tzinfo=UTC), "Busy")
    await paced.service.update_task(talk.task_id, schedule=Cron("0 14 * * *"))
    assert await armed(paced, notes) == "04 12:00"


async def test_a_follower_begins_when_the_other_task_does(paced: ManualScheduler) -> None:
    talk = await schedule(paced, schedule_cron="0 10 * * *", defer_until="2026-03-10T00:00:00Z")
    assert await armed(paced, await schedule(paced, before(talk))) == "10 09:45"


async def test_no_task_follows_itself(paced: ManualScheduler) -> None:
    talk = await schedule(paced, Cron("0 10 * * *"))
    notes = await schedule(paced, before(talk))
    for circle in (before(talk), before(notes), AllOf([before(notes), Weekly("mon")])):
        with pytest.raises(InvalidInput, match="does not follow this one"):
            await paced.service.update_task(talk.task_id, schedule=circle)
    assert await armed(paced, talk) == "02 10:00"


async def test_only_an_open_task_is_followed(paced: ManualScheduler) -> None:
    talk = await schedule(paced, Every("1h"))
    await paced.service.cancel_task(talk.task_id)
    for task_id in (talk.task_id, "task_of_nothing"):
        with pytest.raises(InvalidInput) as refused:
            await schedule(paced, TaskTimes(task_id))
        assert refused.value.field == "task_id"


async def test_a_task_that_follows_no_longer_stays_where_it_is(paced: ManualScheduler) -> None:
    talk = await schedule(paced, Cron("0 10 * * *"))
    notes = await schedule(paced, before(talk))
    await paced.service.update_task(notes.task_id, schedule=Cron("30 11 * * *"))
    await paced.service.update_task(talk.task_id, schedule=Cron("0 14 * * *"))
    assert await armed(paced, notes) == "02 11:30"


async def test_the_next_start_tells_followers_of_a_task(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as paced:
        talk = await schedule(paced, Cron("0 10 * * *"))
        notes = await schedule(paced, before(talk))
        store = paced.service._graph()
        await store.tasks.quarantine(talk.task_id, "It cannot be read.", clock.now())
    async with TaskSchedulerService(graph, clock) as service:
        ended = await service.get_task(notes.task_id)

    assert ended.status is TaskStatus.CANCELLED


async def test_followers_move_and_end_with_edits_of_many_tasks(paced: ManualScheduler) -> None:
    talks = [await schedule(paced, Cron("0 10 * * *"), tags=["talk"]) for _ in range(3)]
    notes = [await schedule(paced, before(talk)) for talk in talks[:2]]
    await paced.service.update_tasks({"schedule_cron": "0 12 * * *"}, tags=["talk"])
    assert [await armed(paced, each) for each in notes] == ["02 11:45", "02 11:45"]

    await paced.service.cancel_tasks(tags=["talk"])
    assert [await armed(paced, each) for each in notes] == ["CANCELLED", "CANCELLED"]
