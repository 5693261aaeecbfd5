"""The store's contract: tasks are kept, found and due as they were written."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from remembrancer.errors import DuplicateTask, GraphUnavailable, InvalidInput, TaskNotFound
from remembrancer.model.policy import Fold, Gap, Misfire, OnLost
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.ports.filters import TaskFilter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph

    MakeTask = Callable[..., ScheduledTask]
    Reopen = Callable[[], Awaitable[Graph]]


async def nodes(store: Graph) -> int:
    return (await store.query("MATCH (n) RETURN count(n) AS n"))[0]["n"]  # pyright: ignore[reportReturnType]


async def ids_due(store: Graph, now: datetime, limit: int = 100) -> list[str]:
    return [task.task_id for task in await store.queue.due(now, limit)]


async def test_a_task_comes_back_with_every_field_as_it_was_written(
    store: Graph, a_task: MakeTask, now: datetime
) -> None:
    written = a_task(
        name='Grüße "an" alle \\ 日本語 🕰',
        schedule_cron="0 9 * * *",
        defer_until=now + timedelta(hours=3, milliseconds=7),
        timezone="Europe/Berlin",
        gap=Gap.SKIP,
        fold=Fold.BOTH,
        misfire=Misfire.RUN_ALL,
        misfire_limit=7,
        misfire_grace_seconds=1.5,
        on_lost=OnLost.RETRY,
        max_attempts=9,
        timeout_seconds=12.25,
        dedup_key="daily",
        context={"deep": [1, 2.5, None, {"a": "\u0000 ok"}], "": True},
    )
    await store.tasks.create([written])
    assert await store.tasks.get(written.task_id) == written


async def test_what_was_kept_is_there_after_the_graph_is_opened_again(
    reopen: Reopen, a_task: MakeTask, now: datetime
) -> None:
    written = [a_task(), a_task(schedule_cron="*/5 * * * *", dedup_key="five")]
    await (await reopen()).tasks.create(written)
    store = await reopen()
    assert [await store.tasks.get(task.task_id) for task in written] == written
    assert await ids_due(store, now) == [task.task_id for task in written]
    assert ((await store.statistics.lifetime()).counts)["tasks_created"] == 2
    assert store.statistics.totals["tasks_created"] == 2


async def test_an_unknown_id_is_not_found(store: Graph) -> None:
    with pytest.raises(TaskNotFound, match="task_of_nobody"):
        await store.tasks.get("task_of_nobody")


async def test_a_task_is_linked_to_its_thought_and_its_first_minute(
    store: Graph, a_task: MakeTask, now: datetime
) -> None:
    await store.tasks.create([a_task(next_run_ms=to_ms(now + timedelta(seconds=42)))])
    assert await store.query(
        "MATCH (h:thought)<-[:CREATED_BY]-(t:scheduled_task)-[:SCHEDULED_FOR]->(m:time) "
        "RETURN h.thought_id AS thought, m.time_id AS minute, m.at.epochMillis AS at"
    ) == [{"thought": "thought_origin", "minute": "time_2026-03-02T09:00:00Z", "at": to_ms(now)}]


async def test_find_returns_the_next_to_run_first_and_unarmed_last(
    store: Graph, a_task: MakeTask, now: datetime
) -> None:
    late = a_task(next_run_ms=to_ms(now + timedelta(days=1)), schedule_cron="0 9 * * *")
    soon = a_task(next_run_ms=to_ms(now))
    old, new = (
        a_task(next_run_ms=None, status=TaskStatus.COMPLETE, created_at=now - timedelta(days=days)) for days in (2, 1)
    )
    await store.tasks.create([late, old, soon, new])

    async def found(**wanted: object) -> list[str]:
        return [task.task_id for task in await store.tasks.find(TaskFilter(**wanted))]  # pyright: ignore[reportArgumentType]

    assert await found() == [task.task_id for task in (soon, late, new, old)]
    assert await found(limit=3) == [task.task_id for task in (soon, late, new)]
    assert await found(recurring=True) == [late.task_id]
    assert await found(recurring=False, statuses=frozenset({TaskStatus.COMPLETE})) == [new.task_id, old.task_id]


async def test_a_dedup_key_is_kept_by_one_task_only(store: Graph, a_task: MakeTask) -> None:
    first = a_task(dedup_key="report")
    await store.tasks.create([first])
    before = await nodes(store)
    with pytest.raises(DuplicateTask, match="report"):
        await store.tasks.create([a_task(), a_task(dedup_key="report")])
    assert await nodes(store) == before
    assert await store.tasks.find_by_dedup_key("report") == first
    assert await store.tasks.find_by_dedup_key("another") is None


async def test_only_an_open_task_is_the_one_that_brings_another_back(store: Graph, a_task: MakeTask) -> None:
    ended = a_task(deferred_task_id="theirs", status=TaskStatus.COMPLETE, next_run_ms=None)
    await store.tasks.create([ended])
    assert await store.tasks.find_reactivation("theirs") is None
    standing = a_task(deferred_task_id="theirs")
    await store.tasks.create([standing])
    assert await store.tasks.find_reactivation("theirs") == standing


async def test_due_tasks_come_oldest_first_up_to_the_limit(store: Graph, a_task: MakeTask, now: datetime) -> None:
    shifts = [5, -3, 0, -1, 1, -2]
    tasks = {shift: a_task(next_run_ms=to_ms(now) + shift) for shift in shifts}
    await store.tasks.create([*tasks.values(), a_task(next_run_ms=None)])
    assert await ids_due(store, now) == [tasks[shift].task_id for shift in (-3, -2, -1, 0)]
    assert await ids_due(store, now, limit=2) == [tasks[shift].task_id for shift in (-3, -2)]
    assert await ids_due(store, now - timedelta(seconds=1)) == []


async def test_a_task_armed_for_before_the_last_look_is_still_found(
    store: Graph, a_task: MakeTask, now: datetime
) -> None:
    """The floor under the due query rises with every look, and must fall for whoever comes late."""
    assert await ids_due(store, now) == []
    late = a_task(next_run_ms=to_ms(now) - 60_000)
    await store.tasks.create([late])
    assert await ids_due(store, now) == [late.task_id]


async def test_the_next_run_is_the_earliest_that_is_armed(store: Graph, a_task: MakeTask, now: datetime) -> None:
    assert await store.queue.next_run_at() is None
    await store.tasks.create([a_task(next_run_ms=to_ms(now) + 9), a_task(next_run_ms=None)])
    assert await store.queue.next_run_at() == from_ms(to_ms(now) + 9)
    await store.tasks.create([a_task(next_run_ms=to_ms(now) + 4)])
    assert await store.queue.next_run_at() == from_ms(to_ms(now) + 4)


async def test_a_bulk_is_kept_whole_or_not_at_all(store: Graph, a_task: MakeTask) -> None:
    before = await nodes(store)
    twins = [a_task(task_id="task_twin"), a_task(), a_task(task_id="task_twin")]
    with pytest.raises(GraphUnavailable, match="An id of the task is taken"):
        await store.tasks.create(twins)
    assert await nodes(store) == before
    assert ((await store.statistics.lifetime()).counts).get("tasks_created", 0) == 0


async def test_one_bad_write_among_many_at_once_fails_alone(store: Graph, a_task: MakeTask) -> None:
    await store.tasks.create([a_task(dedup_key="taken")])
    asked = [[a_task(dedup_key="taken") if place == 7 else a_task()] for place in range(20)]
    answers = await asyncio.gather(*(store.tasks.create(tasks) for tasks in asked), return_exceptions=True)
    assert [place for place, answer in enumerate(answers) if answer is not True] == [7]
    assert isinstance(answers[7], DuplicateTask)
    assert len(await store.tasks.find(TaskFilter())) == 20
    assert ((await store.statistics.lifetime()).counts)["tasks_created"] == 20


async def test_a_query_of_ones_own_reads_and_never_writes(store: Graph, a_task: MakeTask) -> None:
    task = a_task()
    await store.tasks.create([task])
    assert await store.query("MATCH (t:scheduled_task {task_id: $id}) RETURN t.name AS name", {"id": task.task_id}) == [
        {"name": task.name}
    ]
    before = await nodes(store)
    for writing in (
        "CREATE (n:thought {thought_id: 'x'})",
        "MATCH (t:scheduled_task) SET t.name = 'x'",
        "MATCH (n) DETACH DELETE n",
    ):
        with pytest.raises(InvalidInput, match="only reads"):
            await store.query(writing)
    with pytest.raises(InvalidInput, match="query="):
        await store.query("MATCH (oops")
    assert await nodes(store) == before
    assert (await store.tasks.get(task.task_id)).name == task.name


async def test_a_closed_graph_says_so(store: Graph, a_task: MakeTask) -> None:
    await store.close()
    with pytest.raises(GraphUnavailable, match="closed"):
        await store.tasks.create([a_task()])
    with pytest.raises(GraphUnavailable, match="closed"):
        await store.queue.next_run_at()


async def test_what_is_due_can_be_read_page_after_page(store: Graph, a_task: MakeTask, now: datetime) -> None:
    """Each page follows the last task of the one before, also among many tasks of one moment."""
    moments = [to_ms(now) - 1000 * (number // 5) for number in range(23)]
    await store.tasks.create([a_task(next_run_ms=moment) for moment in [*moments, to_ms(now) + 1]])
    whole = await ids_due(store, now)
    pages: list[list[ScheduledTask]] = [list(await store.queue.due(now, 4))]
    while pages[-1]:
        pages.append(list(await store.queue.due(now, 4, pages[-1][-1])))

    assert [len(page) for page in pages] == [4, 4, 4, 4, 4, 3, 0]
    assert [task.task_id for page in pages for task in page] == whole
    assert await ids_due(store, now) == whole, "reading pages hides nothing from the next look"
