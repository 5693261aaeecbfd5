"""The door: what is wrong is refused with what would be right, and leaves no trace."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import InvalidInput, ScheduleRequest, TaskEnded, TaskNotFound, TaskSchedulerService, TaskStatus
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.testing import VirtualClock

GOOD: Mapping[str, Any] = {
    "name": "Report",
    "goal_description": "Send the report",
    "trigger_prompt": "Write the report",
    "origin_thought_id": "thought_1",
    "defer_until": "2026-03-02T12:00:00Z",
}
NAIVE = datetime(2026, 3, 2, 12, 0)  # noqa: DTZ001

WRONG: list[tuple[str, Any]] = [
    *((field, value) for field in list(GOOD)[:4] for value in ("", "  \n", None, 7, b"bytes", "\0", "lone \ud800")),
    ("name", "x" * 201),
    ("goal_description", "x" * 20_001),
    ("trigger_prompt", "x" * 20_001),
    ("origin_thought_id", "x" * 257),
    *(
        ("defer_until", value)
        for value in (
            *("tomorrow", "", "2026-03-02", "2026-03-02T12:00:00", "2026-02-30T12:00:00Z", "2026-03-02T25:00:00Z"),
            *("1969-12-31T23:59:59Z", "2127-03-02T12:00:00Z", "1772442000", "2026-03-02T12:00:00 Europe/Berlin"),
            *(NAIVE, 1_772_442_000, True, datetime.max.replace(tzinfo=UTC)),
        )
    ),
    *(
        ("schedule_cron", value)
        for value in (
            *("", "every day", "* * * *", "60 * * * *", "* 24 * * *", "0 0 30 2 *", "*/0 * * * *", "5-1 * * *"),
            *("* * * * * *", "@fortnightly", "0 0 0 * *", "0 0 * 13 *", "x" * 10_000, 5),
        )
    ),
    *(("timezone", value) for value in ("Mars/Olympus", "EST", "", "europe/berlin", 1)),
    *(
        (field, value)
        for field in ("gap", "fold", "seconds_field", "misfire", "on_lost")
        for value in ("perhaps", "", 1)
    ),
    *(("misfire_limit", value) for value in (0, -1, 1001, 1.5, True, "ten", None)),
    *(("max_attempts", value) for value in (0, 101, 2.0, True, None)),
    *(("misfire_grace_seconds", value) for value in (-1, float("nan"), float("inf"), "60", True, None)),
    *(("timeout_seconds", value) for value in (0, -5, float("nan"), 86_401, "60", True)),
    *(("dedup_key", value) for value in ("", " ", 5, "x" * 257)),
    *(
        ("context", value)
        for value in (
            *([1], "text", {"at": NAIVE}, {"x": "y" * 65_536}, {"nan": float("nan")}, {"lone": "\ud800"}),
            {1: {2: object()}},
        )
    ),
]


async def nodes(service: TaskSchedulerService) -> object:
    return await service.cypher("MATCH (n) RETURN labels(n)[0] AS kind, count(n) AS n ORDER BY kind")


async def test_every_wrong_value_is_refused_with_field_and_example(
    service: TaskSchedulerService,
) -> None:
    before = await nodes(service)
    for field, value in WRONG:
        with pytest.raises(InvalidInput) as refused:
            await service.schedule_task(**{**GOOD, field: value})
        message = str(refused.value)
        assert refused.value.field == field, message
        for part in (f"{field}=", "Allowed: ", f"Example: {field}="):
            assert part in message
        assert len(message) < 1500, message[:200]
        message.encode()
    assert await nodes(service) == before
    assert service._collect_custom_metrics()["error_count"] == len(WRONG)


async def test_what_the_refusals_give_as_examples_is_accepted(service: TaskSchedulerService) -> None:
    for field, value in WRONG:
        with pytest.raises(InvalidInput) as refused:
            await service.schedule_task(**{**GOOD, field: value})
        example = refused.value.example
        more = {"timezone": "UTC"} if field == "defer_until" else {}
        more |= {"seconds_field": "first"} if field == "schedule_cron" and len(str(example).split()) == 6 else {}
        assert await service.schedule_task(**{**GOOD, field: example, **more})


async def test_a_task_needs_a_moment_or_a_cron_schedule(service: TaskSchedulerService) -> None:
    with pytest.raises(InvalidInput, match=r"defer_until=None.*schedule_cron.*Example: defer_until='2026-03-0"):
        await service.schedule_task(**{**GOOD, "defer_until": None})


async def test_a_cron_schedule_is_held_back_until_its_moment(service: TaskSchedulerService) -> None:
    held = await service.schedule_task(**GOOD, schedule_cron="*/5 * * * *")
    assert [fire.isoformat() for fire in held.next_fires[:2]] == [
        "2026-03-02T12:00:00+00:00",
        "2026-03-02T12:05:00+00:00",
    ]


async def test_a_bulk_with_one_wrong_request_is_refused_whole(service: TaskSchedulerService) -> None:
    before = await nodes(service)
    requests = [ScheduleRequest(**GOOD), ScheduleRequest(**{**GOOD, "name": ""}), ScheduleRequest(**GOOD)]
    with pytest.raises(InvalidInput, match="name="):
        await service.schedule_tasks(requests)
    assert await nodes(service) == before
    assert await service.schedule_tasks([]) == []


async def test_a_moment_that_has_just_passed_fires_at_once(by_hand: ManualScheduler) -> None:
    now = by_hand.clock.now()
    late = await by_hand.service.schedule_task(**{**GOOD, "defer_until": now - timedelta(seconds=59)})
    assert "in the past" in late.warnings[0]
    assert await by_hand.tick() == 1


@pytest.mark.parametrize("bound", [{"misfire": "skip"}, {"misfire_age_seconds": 60}, {"deadline_seconds": 60}])
async def test_a_past_time_that_is_missed_is_said_so(by_hand: ManualScheduler, bound: dict[str, object]) -> None:
    old = by_hand.clock.now() - timedelta(days=2)
    made = await by_hand.service.schedule_task(**{**GOOD, "defer_until": old, **bound})
    assert f"the task does not run, but is missed, as its {next(iter(bound))} says" in made.warnings[0]
    await by_hand.tick(timedelta(minutes=2))
    (missed,) = await by_hand.service.history(made.task_id)
    assert missed.status == "missed"


async def test_a_time_long_past_can_be_cancelled_before_the_next_tick(
    by_hand: ManualScheduler,
) -> None:
    service, old = by_hand.service, by_hand.clock.now() - timedelta(days=200)
    slip, kept = [await service.schedule_task(**{**GOOD, "defer_until": old}) for _ in range(2)]
    assert slip.defer_until == old
    assert "is in the past" in slip.warnings[0]
    assert slip.next_fires == [by_hand.clock.now() + timedelta(seconds=60)]
    assert await by_hand.tick(timedelta(seconds=59)) == 0
    assert await service.cancel_task(slip.task_id)
    assert await by_hand.tick(timedelta(seconds=1)) == 1
    assert (await service.get_task(kept.task_id)).status is TaskStatus.COMPLETE
    became = {each.task_id: (each.status, each.nominal_at) for each in await service.history()}
    assert became == {slip.task_id: ("cancelled", old), kept.task_id: ("completed", old)}


async def test_ids_made_in_one_tick_of_the_clock_are_all_different(service: TaskSchedulerService) -> None:
    made = await service.schedule_tasks([ScheduleRequest(**GOOD)] * 3000)
    one_by_one = await asyncio.gather(*(service.schedule_task(**GOOD) for _ in range(200)))
    assert len({task.task_id for task in [*made, *one_by_one]}) == 3200
    assert made[0].task_id.startswith("task_1772442000.000_")


async def test_scheduling_again_under_a_dedup_key_returns_the_task(service: TaskSchedulerService) -> None:
    first = await service.schedule_task(**GOOD, dedup_key="daily")
    again = await service.schedule_task(**{**GOOD, "name": "Another"}, dedup_key="daily")
    assert (again.task_id, again.name) == (first.task_id, "Report")
    assert (first.disposition, again.disposition) == ("created", "existing")
    assert first.warnings == again.warnings == []
    twins = await service.schedule_tasks([ScheduleRequest(**GOOD, dedup_key="twin")] * 2)
    assert twins[0].task_id == twins[1].task_id
    racing = await asyncio.gather(*(service.schedule_task(**GOOD, dedup_key="race") for _ in range(20)))
    assert len({task.task_id for task in racing}) == 1
    assert len(await service.get_scheduled_tasks()) == 3


async def test_a_deferral_must_go_forward_and_say_why(service: TaskSchedulerService) -> None:
    task = await service.schedule_task(**GOOD)
    before = await nodes(service)
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("until", {"until": "2026-03-02T08:00:00Z"}),
        ("until", {"until": "2026-03-02T12:00:00Z"}),
        ("until", {"until": NAIVE}),
        ("until", {"until": "soon"}),
        ("reason", {"reason": ""}),
        ("reason", {"reason": None}),
        ("thought_id", {"thought_id": ""}),
        ("task_id", {"task_id": ""}),
    ]
    for field, choice in wrong:
        asked = {"task_id": task.task_id, "until": "2026-03-02T13:00:00Z", "reason": "Busy", **choice}
        with pytest.raises(InvalidInput) as refused:
            await service.defer_task(**asked)
        assert refused.value.field == field
    with pytest.raises(TaskNotFound):
        await service.defer_task("task_of_nobody", "2026-03-02T13:00:00Z", "Busy")
    assert await nodes(service) == before


async def test_what_brings_back_an_agents_task_is_checked_as_well(service: TaskSchedulerService) -> None:
    before = await nodes(service)
    good = {"thought_id": "t", "task_id": "theirs", "defer_until": "2026-03-02T13:00:00Z", "reason": "Busy"}
    for field in good:
        for value in ("", None, 5):
            with pytest.raises(InvalidInput) as refused:
                await service.schedule_deferred_task(**{**good, field: value})  # pyright: ignore[reportArgumentType]
            assert refused.value.field == field
    with pytest.raises(InvalidInput, match="context="):
        await service.schedule_deferred_task(**good, context=[1])  # pyright: ignore[reportArgumentType]
    assert await nodes(service) == before


async def test_a_task_that_has_ended_does_not_change_any_more(service: TaskSchedulerService) -> None:
    task = await service.schedule_task(**GOOD)
    assert await service.cancel_task(task.task_id, "Not needed")
    assert not await service.cancel_task(task.task_id)
    assert not await service.cancel_task("task_of_nobody")
    with pytest.raises(TaskEnded, match="CANCELLED"):
        await service.defer_task(task.task_id, "2026-03-02T13:00:00Z", "Busy")
    with pytest.raises(TaskEnded, match="CANCELLED"):
        await service.run_now(task.task_id)
    with pytest.raises(TaskNotFound):
        await service.run_now("task_of_nobody")
    assert await service.get_scheduled_tasks() == []


async def test_acknowledged_tasks_are_there_after_a_restart(
    clock: VirtualClock, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("memory") / "graph"
    async with ManualScheduler(TaskSchedulerService(folder, clock), clock) as first:
        for minute in (1, 2):
            moment = clock.now() + timedelta(minutes=minute)
            await first.service.schedule_task(**{**GOOD, "defer_until": moment})
        await first.tick(timedelta(minutes=1))
        before = first.service._collect_custom_metrics()
    async with ManualScheduler(TaskSchedulerService(folder, clock), clock) as second:
        after = second.service._collect_custom_metrics()
        lifetime = [name for name in after if name.startswith(("scheduled", "deferral", "cron", "active", "avg"))]
        assert {name: after[name] for name in lifetime} == {name: before[name] for name in lifetime}
        assert after["scheduled_tasks_completed"] == 1
        assert await second.tick(timedelta(minutes=1)) == 1
        assert second.service._collect_custom_metrics()["active_tasks"] == 0
