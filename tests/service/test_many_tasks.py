"""Tags and groups, lists by what tasks match, and edits of many tasks at once, on each kind of graph."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Firing, ScheduleRequest, TaskSchedulerService
from remembrancer.context import IDEMPOTENCY_KEY
from remembrancer.errors import IdempotencyKeyReused, InvalidInput
from remembrancer.model.idempotency import IdempotencyKey
from remembrancer.operations.edits.bulk_run import BATCH
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from neo4j_server import Server

    from remembrancer import BulkResult, ScheduledTask
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def paced(graph: str, clock: VirtualClock) -> AsyncIterator[ManualScheduler]:
    """A scheduler over a graph of each kind, driven by hand."""
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        yield scheduler


@pytest.fixture
async def service(paced: ManualScheduler) -> TaskSchedulerService:
    """Six tasks: errands at home and at work, some of them of the garden."""
    asked = [
        ("Tea", ["errand", "home"], None, "Boil water"),
        ("Plants", ["home"], "garden", "Water the ROSES"),
        ("Report", ["work", "errand"], "office", "Write it"),
        ("Mail", ["work"], "office", "Look for mail"),
        ("Hedge", [], "garden", "Cut it"),
        ("Tea", [], None, "Drink it"),
    ]
    await paced.service.schedule_tasks(
        [
            ScheduleRequest(name, "goal", prompt, "t", schedule_cron=f"{place} 12 * * *", tags=tags, group=group)
            for place, (name, tags, group, prompt) in enumerate(asked)
        ]
    )
    return paced.service


def names(tasks: Iterable[ScheduledTask]) -> str:
    return " ".join(task.name for task in tasks)


def outcomes(result: BulkResult) -> dict[str, str]:
    return {each.name: each.outcome.value for each in result.tasks}


async def audit(service: TaskSchedulerService) -> list[tuple[str, str | None]]:
    return [(each.action, each.reason) for each in await service.audit_entries() if each.action != "create"]


async def test_tags_are_kept_as_a_list_in_their_normal_form(service: TaskSchedulerService) -> None:
    task = await service.schedule_task(
        "Tea", "g", "p", "t", schedule_cron="0 9 * * *", tags=["Work", "a:b", "work", "Ku\u0308che"], group="GARDEN"
    )
    assert (task.tags, task.group) == (("a:b", "k\xfcche", "work"), "garden")
    (row,) = await service.cypher(
        "MATCH (t:scheduled_task {task_id: $id}) RETURN t.tags AS tags, size(t.tags) AS size, t.group AS group",
        {"id": task.task_id},
    )
    assert row == {"tags": ["a:b", "k\xfcche", "work"], "size": 3, "group": "garden"}
    for wrong in (["two words"], ["x" * 41], ["-a"], [""], "work", [5], [f"t{number}" for number in range(11)]):
        with pytest.raises(InvalidInput, match="tags"):
            await service.schedule_task("Tea", "g", "p", "t", schedule_cron="0 9 * * *", tags=wrong)  # pyright: ignore[reportArgumentType]


async def test_an_update_changes_and_clears_what_need_not_be_given(service: TaskSchedulerService) -> None:
    task = await service.schedule_task(
        "Tea", "g", "p", "t", schedule_cron="0 9 * * *", tags=["a"], group="b", context={"c": 1}, timeout_seconds=5
    )
    changed = (await service.update_task(task.task_id, tags=["z", "Y"], group="c")).changed
    assert {name: each.after for name, each in changed.items()} == {"tags": ("y", "z"), "group": "c"}
    await service.update_task(task.task_id, tags=[], group=None, context=None, timeout_seconds=None)
    kept = await service.get_task(task.task_id)
    assert (kept.tags, kept.group, kept.context, kept.timeout_seconds) == ((), None, None, None)
    found = await service.cypher("MATCH (t:scheduled_task {task_id: $id}) RETURN t.tags AS tags", {"id": task.task_id})
    assert found == [{"tags": None}]


FOUND: list[tuple[dict[str, Any], str]] = [
    ({"name": "Tea"}, "Tea Tea"),
    ({"name": "tea"}, ""),
    ({"tags": ["Errand"]}, "Tea Report"),
    ({"tags": ["errand", "work"]}, "Report"),
    ({"group": "GARDEN"}, "Plants Hedge"),
    ({"group": "garden", "tags": ["home"]}, "Plants"),
    ({"text": "water"}, "Tea Plants"),
    ({"text": "rose"}, "Plants"),
    ({"text": "tea", "tags": ["home"]}, "Tea"),
    ({"text": ".*"}, ""),
    ({"tags": ["no such thing"]}, ""),
    ({"tags": ["'; x"], "group": "\\"}, ""),
]


async def test_tasks_are_found_by_what_they_match(service: TaskSchedulerService) -> None:
    for which, expected in FOUND:
        assert names(await service.find_tasks(**which)) == expected, which
        assert names(await service.find_tasks(**which, limit=1)) == expected.split(" ")[0], which
        listed: list[ScheduledTask] = []
        cursor = None
        while True:
            page = await service.page_of_tasks(cursor, limit=1, **which)
            listed += page.tasks
            if (cursor := page.cursor) is None:
                break
        assert names(reversed(listed)) == expected, which


async def test_ended_and_paused_tasks_are_found_as_well(service: TaskSchedulerService) -> None:
    plants, hedge = await service.find_tasks(group="garden")
    await service.cancel_task(hedge.task_id)
    await service.pause_task(plants.task_id)
    assert names(await service.find_tasks(group="garden")) == "Hedge Plants"
    assert names(await service.find_tasks(group="garden", statuses=["PENDING"])) == "Plants"  # pyright: ignore[reportArgumentType]
    assert names(await service.find_tasks(group="garden", recurring=False)) == ""


async def test_a_pause_of_many_says_what_happened_to_each(service: TaskSchedulerService, clock: VirtualClock) -> None:
    until = clock.now() + timedelta(days=3)
    result = await service.pause_tasks(until, "Holidays", tags=["work"])
    again = await service.pause_tasks(until, "Holidays", tags=["work"])

    assert outcomes(result) == {"Report": "changed", "Mail": "changed"}
    assert outcomes(again) == {"Report": "unchanged", "Mail": "unchanged"}
    assert (dict(result.counts), result.action, result.dry_run) == ({"changed": 2}, "pause", False)
    assert [f"{fire:%a %H:%M}" for fire in (result.tasks[0].fires_before[0], result.tasks[0].fires_after[0])] == [
        "Mon 12:02",
        "Thu 09:00",
    ]
    assert await audit(service) == [("pause", "Holidays")] * 2
    assert [each.paused_until for each in await service.find_tasks(tags=["work"])] == [until] * 2
    events = (await service.read_events("0", kinds=["task_paused"])).events
    assert sorted(str(each.task_id) for each in events) == sorted(each.task_id for each in result.tasks)


async def test_a_resumption_of_all_concerns_paused_tasks_only(service: TaskSchedulerService) -> None:
    await service.pause_tasks(group="office")
    result = await service.resume_tasks(all=True, reason="Back")
    assert outcomes(result) == {"Report": "changed", "Mail": "changed"}
    assert all(each.fires_before == [] and each.fires_after for each in result.tasks)
    assert outcomes(await service.resume_tasks(all=True)) == {}


async def test_a_dry_run_writes_nothing(service: TaskSchedulerService) -> None:
    before = await service.find_tasks()
    for result in (
        await service.pause_tasks(all=True, dry_run=True),
        await service.update_tasks({"timeout_seconds": 5}, all=True, dry_run=True),
        await service.cancel_tasks(all=True, dry_run=True),
    ):
        assert (dict(result.counts), result.dry_run, len(result.tasks)) == ({"changed": 6}, True, 6)
    assert await service.find_tasks() == before
    assert await audit(service) == []


async def test_a_wrong_selection_or_change_is_refused_before_all(service: TaskSchedulerService) -> None:
    selections: list[dict[str, Any]] = [
        {},
        {"tags": []},
        {"all": False},
        {"all": True, "group": "garden"},
        {"statuses": ["COMPLETE"]},
        {"tag": "work"},
        {"tags": "work"},
        {"paused": True},
    ]
    for wrong in selections:
        with pytest.raises(InvalidInput):
            await service.cancel_tasks(**wrong)
    changes: list[dict[str, Any]] = [
        {},
        {"nmae": "Tea"},
        {"origin_thought_id": "me"},
        {"dedup_key": "one"},
        {"timeout_seconds": -1},
        {"schedule_cron": "61 * * * *"},
        {"timezone": "Mars/Base"},
        {"schedule": {"kind": "every", "every": "0m"}},
    ]
    for wrong in changes:
        with pytest.raises(InvalidInput):
            await service.update_tasks(wrong, all=True)  # pyright: ignore[reportArgumentType]
    assert await audit(service) == []


async def test_one_task_that_a_change_does_not_fit_stops_no_other(
    service: TaskSchedulerService, clock: VirtualClock
) -> None:
    await service.schedule_task("Once", "g", "p", "t", clock.now() + MINUTE, tags=["work"])
    result = await service.update_tasks({"schedule_cron": "30 8 * * *", "timezone": "Asia/Tokyo"}, tags=["work"])
    assert outcomes(result) == {"Once": "refused", "Report": "changed", "Mail": "changed"}
    assert "one-time" in str(result.tasks[0].error)
    assert {each.timezone for each in await service.find_tasks(group="office")} == {"Asia/Tokyo"}
    found = await service.cypher("MATCH (c:cron_expression) RETURN c.expression AS cron, c.open_tasks AS tasks")
    assert {"cron": "30 8 * * *", "tasks": 2} in found


async def test_cancelled_tasks_owe_nothing_and_their_runs_stop(graph: str, clock: VirtualClock) -> None:
    async def handle(_: Firing) -> None:
        await asyncio.Event().wait()

    service = TaskSchedulerService(graph, clock, handler=handle)
    async with ManualScheduler(service, clock):
        made = await service.schedule_tasks(
            [ScheduleRequest(f"Task {place}", "g", "p", "t", schedule_cron="*/10 * * * *") for place in range(3)]
        )
        run = await service.run_now(made[0].task_id)
        clock.advance(25 * MINUTE)
        result = await service.cancel_tasks("Enough", all=True)
        await service.idle()

        assert dict(result.counts) == {"changed": 3}
        assert [each.stopping for each in result.tasks if each.stopping] == [[run.execution_id]]
        assert await audit(service) == [("run_now", None), *[("cancel", "Enough")] * 3]
        ended = [each for each in await service.history() if each.execution_id != run.execution_id]
        assert [(each.status, each.occurrences) for each in ended] == [("cancelled", 2)] * 3
        assert (await service.get_execution(run.execution_id)).status == "cancelled"
        counts = (await service._graph().statistics.lifetime()).counts
        assert (counts["tasks_cancelled"], counts["occurrences_dropped"]) == (3, 6)
        assert {each.status for each in await service.find_tasks()} == {"CANCELLED"}


async def test_tasks_that_change_meanwhile_are_edited_all_the_same(service: TaskSchedulerService) -> None:
    tasks = await service.find_tasks()

    async def rename(task_id: str) -> None:
        for number in range(5):
            await service.update_task(task_id, trigger_prompt=f"Prompt {number}")

    paused, *_ = await asyncio.gather(service.pause_tasks(all=True), *(rename(task.task_id) for task in tasks))
    assert dict(paused.counts) == {"changed": 6}
    kept = await service.find_tasks()
    assert all(task.paused_at is not None and task.trigger_prompt == "Prompt 4" for task in kept)


async def test_a_batch_is_one_commit_of_many_rows(service: TaskSchedulerService) -> None:
    asked = ScheduleRequest("Many", "g", "p", "t", schedule_cron="0 9 * * *", tags=["many"])
    await service.schedule_tasks([asked] * (2 * BATCH + 1))
    sizes = service._graph()._connection.commit_sizes  # pyright: ignore[reportAttributeAccessIssue]
    sizes.clear()
    result = await service.pause_tasks(tags=["many"])
    assert dict(result.counts) == {"changed": 2 * BATCH + 1}
    assert list(sizes) == [BATCH, BATCH, 1]


async def test_a_request_sent_again_changes_no_task_twice(service: TaskSchedulerService) -> None:
    IDEMPOTENCY_KEY.set(IdempotencyKey("rest: ada", "k", "digest"))
    first = await service.cancel_tasks(tags=["work"])
    IDEMPOTENCY_KEY.set(None)
    await service.schedule_task("Later", "g", "p", "t", schedule_cron="0 9 * * *", tags=["work"])
    IDEMPOTENCY_KEY.set(IdempotencyKey("rest: ada", "k", "digest"))
    again = await service.cancel_tasks(tags=["work"])

    assert outcomes(first) == {"Report": "changed", "Mail": "changed"}
    assert outcomes(again) == {"Report": "unchanged", "Mail": "unchanged", "Later": "changed"}
    IDEMPOTENCY_KEY.set(IdempotencyKey("rest: ada", "k", "another digest"))
    with pytest.raises(IdempotencyKeyReused):
        await service.cancel_tasks(all=True)
    IDEMPOTENCY_KEY.set(None)
    assert [action for action, _ in await audit(service)] == ["cancel"] * 3


@pytest.mark.neo4j
async def test_a_task_that_the_graph_refuses_stops_no_other(neo4j_server: Server, clock: VirtualClock) -> None:
    service = TaskSchedulerService(neo4j_server.graph, clock)
    async with ManualScheduler(service, clock):
        neo4j_server.run(
            "CREATE CONSTRAINT theirs FOR (n:scheduled_task) REQUIRE (n.group, n.trigger_prompt) IS UNIQUE"
        )
        made = [("a", "one"), ("a", "two"), ("b", "one")]
        await service.schedule_tasks(
            [
                ScheduleRequest(f"{group} {prompt}", "g", prompt, "t", schedule_cron="0 9 * * *", group=group)
                for group, prompt in made
            ]
        )
        result = await service.update_tasks({"group": "a"}, all=True)
        neo4j_server.run("DROP CONSTRAINT theirs")
        assert outcomes(result) == {"a one": "unchanged", "a two": "unchanged", "b one": "failed"}
        (failed,) = [each for each in result.tasks if each.error]
        assert "constraint" in str(failed.error)
