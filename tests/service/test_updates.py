"""Updates of tasks, on each kind of graph: fields change, and nothing is lost or fires twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import AnyOf, Cron, Firing, Offset, TaskSchedulerService, TaskTimes
from remembrancer.errors import DuplicateTask, InvalidInput, TaskChanged
from remembrancer.model.request import TASK_FIELDS, TaskChanges
from remembrancer.model.timestamps import to_ms
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import ScheduledTask
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def paced(graph: str, clock: VirtualClock) -> AsyncIterator[ManualScheduler]:
    """A scheduler over a graph of each kind, driven by hand."""
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        yield scheduler


async def quarterly(paced: ManualScheduler) -> ScheduledTask:
    return await paced.service.schedule_task("Tea", "goal", "prompt", "t", schedule_cron="*/15 * * * *")


async def outcomes(paced: ManualScheduler, task_id: str) -> list[tuple[str, str | None, int, str]]:
    """Return what became of the occurrences, oldest first: status, reason, how many, the first time."""
    return [
        (each.status.value, each.reason_code, each.occurrences, f"{each.nominal_at:%H:%M}")
        for each in reversed(await paced.service.history(task_id))
    ]


def test_an_update_may_change_each_field_but_the_origin() -> None:
    assert set(TaskChanges.__annotations__) == set(TASK_FIELDS) - {"origin_thought_id"}


async def test_an_update_changes_fields_and_no_fire(paced: ManualScheduler) -> None:
    task = await quarterly(paced)
    answer = await paced.service.update_task(
        task.task_id, name="Coffee", misfire="skip", timeout_seconds=5, context={"cups": 2}, reason="Ada asked"
    )
    kept = await paced.service.get_task(task.task_id)
    assert (kept.name, kept.misfire, kept.timeout_seconds, kept.context) == ("Coffee", "skip", 5, {"cups": 2})
    assert set(answer.changed) == {"name", "misfire", "timeout_seconds", "context"}
    assert answer.next_fires == answer.fires_before
    entry = (await paced.service.audit_entries(task.task_id))[-1]
    assert (entry.action, entry.reason) == ("update", "Ada asked")
    assert entry.before == {"name": "Tea", "misfire": "run_once", "timeout_seconds": None, "context": None}
    assert entry.after is not None
    assert (entry.after["name"], entry.after["context"]) == ("Coffee", '{"cups":2}')
    (event,) = (await paced.service.read_events("0", kinds=["task_updated"])).events
    assert event.reason == "Ada asked"


async def test_another_schedule_begins_now(paced: ManualScheduler, clock: VirtualClock) -> None:
    task = await quarterly(paced)
    await paced.tick(15 * MINUTE)
    clock.advance(20 * MINUTE)
    answer = await paced.service.update_task(task.task_id, schedule_cron="*/10 * * * *", timezone="Europe/Berlin")
    for _ in range(2):
        await paced.tick(5 * MINUTE)

    assert f"{answer.fires_before[0]:%H:%M} {answer.next_fires[0]:%H:%M}" == "09:30 09:40"
    assert await outcomes(paced, task.task_id) == [
        ("completed", None, 1, "09:15"),
        ("superseded", "schedule_changed", 1, "09:30"),
        ("completed", None, 1, "09:40"),
    ]
    kept = await paced.service.get_task(task.task_id)
    assert (kept.schedule_cron, kept.timezone, kept.next_run_ms) == (
        "*/10 * * * *",
        "Europe/Berlin",
        to_ms(clock.now() + 5 * MINUTE),
    )
    found = await paced.service.cypher("MATCH (c:cron_expression) RETURN c.expression AS cron, c.open_tasks AS tasks")
    assert {row["cron"]: row["tasks"] for row in found if row["tasks"]} == {"*/10 * * * *": 1}


async def test_a_one_time_task_is_moved(paced: ManualScheduler, clock: VirtualClock) -> None:
    task = await paced.service.schedule_task("Tea", "g", "p", "t", clock.now() + 10 * MINUTE)
    answer = await paced.service.update_task(task.task_id, defer_until=clock.now() + 5 * MINUTE)
    assert answer.next_fires == [clock.now() + 5 * MINUTE]
    await paced.tick(5 * MINUTE)
    assert await outcomes(paced, task.task_id) == [("completed", None, 1, "09:05")]
    assert (await paced.service.get_task(task.task_id)).status == "COMPLETE"


async def test_a_running_execution_keeps_what_it_began_with(graph: str, clock: VirtualClock) -> None:
    seen: list[str] = []

    async def handle(firing: Firing) -> None:
        await service.update_task(firing.task.task_id, trigger_prompt="Later", schedule_cron="*/20 * * * *")
        seen.append(firing.task.trigger_prompt)

    service = TaskSchedulerService(graph, clock, handler=handle)
    async with ManualScheduler(service, clock) as scheduler:
        task = await quarterly(scheduler)
        for _ in range(5):
            await scheduler.tick(5 * MINUTE)
        assert seen == ["prompt", "Later"]
        assert [each[0::3] for each in await outcomes(scheduler, task.task_id)] == [
            ("completed", "09:15"),
            ("completed", "09:20"),
        ]


async def test_a_pause_goes_on_after_an_update(paced: ManualScheduler) -> None:
    task = await quarterly(paced)
    await paced.service.pause_task(task.task_id)
    await paced.service.update_task(task.task_id, schedule_cron="*/10 * * * *")
    assert await paced.tick(25 * MINUTE) == 0
    assert (await paced.service.resume_task(task.task_id, "skip")).missed == 2


async def test_a_wrong_update_is_refused_and_changes_nothing(paced: ManualScheduler, clock: VirtualClock) -> None:
    await paced.service.schedule_task("Other", "g", "p", "t", clock.now() + 99 * MINUTE, dedup_key="other")
    task = await quarterly(paced)
    wrongs: list[dict[str, Any]] = [
        {},
        {"name": ""},
        {"schedule_cron": "61 * * * *"},
        {"origin_thought_id": "me"},
        {"nmae": "Tea"},
        {"schedule": {"kind": "once", "at": "2027-01-01T09:00:00Z"}},
    ]
    for wrong in wrongs:
        with pytest.raises(InvalidInput):
            await paced.service.update_task(task.task_id, **wrong)
    with pytest.raises(DuplicateTask):
        await paced.service.update_task(task.task_id, dedup_key="other")
    with pytest.raises(TaskChanged):
        await paced.service.update_task(task.task_id, name="Coffee", fence=task.fence + 1)
    assert (await paced.service.get_task(task.task_id)).fence == task.fence


async def test_an_update_keeps_the_rules_of_each_zone_it_uses(paced: ManualScheduler) -> None:
    task = await quarterly(paced)
    either = AnyOf((Cron("0 9 * * *"), Cron("0 9 * * *", timezone="Asia/Tokyo")))
    assert (await paced.service.update_task(task.task_id, schedule=either)).timezone == "UTC"
    kept = await paced.service.cypher("MATCH (z:zone_rules) RETURN z.zone AS zone")
    assert "Asia/Tokyo" in [row["zone"] for row in kept]


@pytest.mark.parametrize(("cron", "zone"), [("30 9 * * *", "Europe/Berlin"), ("CRON_TZ=Asia/Tokyo 30 9 * * *", None)])
async def test_a_cron_expression_is_read_in_the_zone_of_its_task(
    paced: ManualScheduler, cron: str, zone: str | None
) -> None:
    service, daily = paced.service, Cron("0 9 * * *", "Europe/Berlin")
    leader = await service.schedule_task("Tea", "g", "p", "t", schedule=AnyOf((daily, daily)))
    follower = await service.schedule_task("Cups", "g", "p", "t", schedule=Offset(TaskTimes(leader.task_id), "-15m"))
    for task in (follower, leader):
        assert task.timezone == "Europe/Berlin"
        changed = await service.update_task(task.task_id, schedule_cron=cron)
        assert changed.timezone == (zone or "Asia/Tokyo")
