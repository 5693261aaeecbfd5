"""A list of tasks costs what it returns: it comes page by page from indexes, and reads no task that has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString, cast

import pytest

from remembrancer.bootstrap import open_store
from remembrancer.model.task_status import OPEN_STATUSES, TaskStatus
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.filters import TaskFilter, TaskPageQuery
from remembrancer.stores.graph import task_list

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime

    from neo4j_server import Server

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.stores.graph.bundle import ConnectedGraph

    MakeTask = Callable[..., ScheduledTask]
    Beside = Callable[[str], Awaitable[None]]


def mixed(a_task: MakeTask, now: datetime) -> dict[str, list[ScheduledTask]]:
    """Armed tasks in the order of their runs, unarmed and ended ones newest first."""
    at = to_ms(now)
    armed = [a_task(next_run_ms=at + place * 500) for place in range(9)]
    recurring = a_task(next_run_ms=at + 60_000, schedule_cron="* * * * *", status=TaskStatus.ACTIVE)
    idle = [a_task(next_run_ms=None, status=TaskStatus.ACTIVE) for _ in range(4)]
    ended = [a_task(next_run_ms=None, status=status) for status in ("COMPLETE", "FAILED", "CANCELLED") * 4]
    return {"armed": [*armed, recurring], "idle": idle[::-1], "ended": ended[::-1]}


@pytest.mark.parametrize("page", [1, 3, 1000])
async def test_open_tasks_come_in_order_however_short_the_pages(
    store: Graph, a_task: MakeTask, now: datetime, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    tasks = mixed(a_task, now)
    await store.tasks.create([task for some in tasks.values() for task in some])
    monkeypatch.setattr(task_list, "PAGE", page)
    open_ids = [task.task_id for task in [*tasks["armed"], *tasks["idle"]]]
    ended_ids = [task.task_id for task in tasks["ended"]]

    for limit in (1, 2, 9, 10, 12, 14, 1000):
        found = await store.tasks.find(TaskFilter(statuses=OPEN_STATUSES, limit=limit))
        assert [task.task_id for task in found] == open_ids[:limit]
    everything = await store.tasks.find(TaskFilter(limit=1000))
    assert [task.task_id for task in everything] == open_ids[:10] + sorted(open_ids[10:] + ended_ids, reverse=True)
    recurring = await store.tasks.find(TaskFilter(recurring=True))
    assert [task.task_id for task in recurring] == [tasks["armed"][-1].task_id]
    failed = await store.tasks.find(TaskFilter(statuses=frozenset({TaskStatus.FAILED}), limit=2))
    assert [task.task_id for task in failed] == [each.task_id for each in tasks["ended"] if each.status == "FAILED"][:2]


@pytest.mark.parametrize("page", [1, 3, 1000])
async def test_tasks_are_found_by_their_ids(
    store: Graph, a_task: MakeTask, now: datetime, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    tasks = [task for some in mixed(a_task, now).values() for task in some]
    await store.tasks.create(tasks)
    monkeypatch.setattr(task_list, "PAGE", page)
    wanted = sorted(task.task_id for task in tasks[::3])
    ids = frozenset([*wanted, "task_of_another_graph"])

    assert [task.task_id for task in await store.tasks.find(TaskFilter(ids=ids))] == wanted
    assert [task.task_id for task in await store.tasks.find(TaskFilter(ids=ids, limit=2))] == wanted[:2]
    failed = {task.task_id for task in tasks[::3] if task.status == "FAILED"}
    found = await store.tasks.find(TaskFilter(frozenset({TaskStatus.FAILED}), ids=ids))
    assert {task.task_id for task in found} == failed
    assert await store.tasks.find(TaskFilter(ids=frozenset())) == []


@pytest.mark.parametrize("page", [1, 2, 3])
async def test_tasks_with_one_due_key_are_all_listed(
    store: Graph, a_task: MakeTask, write_beside: Beside, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    tasks = [a_task() for _ in range(page)]
    await store.tasks.create([*tasks, later := a_task(next_run_ms=to_ms(tasks[0].created_at) + 7_200_000)])
    await write_beside(f"MATCH (t:scheduled_task) WHERE t.next_run_ms < {later.next_run_ms} SET t.due_key = 5000000")
    monkeypatch.setattr(task_list, "PAGE", page)

    found = [task.task_id for task in await store.tasks.find(TaskFilter())]
    assert sorted(found) == sorted(task.task_id for task in [*tasks, later])
    assert found[-1] == later.task_id


async def test_foreign_tasks_are_told_in_one_line_and_only_once(
    store: Graph, a_task: MakeTask, write_beside: Beside, caplog: pytest.LogCaptureFixture
) -> None:
    await store.tasks.create(tasks := [a_task() for _ in range(3)])
    await write_beside(
        "UNWIND range(1, 1000) AS i CREATE (:scheduled_task {task_id: 'theirs_' + toString(i), due_key: i + 2000000, "
        "status: 'PENDING', task_type: 'one_time', status_index_key: 'PENDING|one_time|theirs_' + toString(i)}), "
        "(:scheduled_task {status: 'PENDING', title: 'no task of ours'})"
    )
    wanted = TaskFilter(statuses=OPEN_STATUSES, limit=3)

    for _ in range(2):
        assert [task.task_id for task in await store.tasks.find(wanted)] == [task.task_id for task in tasks]
        listed = await store.tasks.page(TaskPageQuery(TaskStatus.PENDING, tasks[0].task_type, 3))
        assert [task.task_id for task in listed] == [task.task_id for task in reversed(tasks)]
    lines = [line for record in caplog.records for line in record.getMessage().splitlines()]
    assert len(lines) == 1
    assert "and 999 others" in lines[0]


def hits(profile: dict[str, Any]) -> Iterator[int]:
    yield profile.get("dbHits", 0)
    for child in profile.get("children", []):
        yield from hits(child)


async def hits_of(server: Server, store: ConnectedGraph, wanted: TaskFilter) -> tuple[int, int]:
    """How many tasks a list returns, and how many reads of the database its queries cost."""
    asked: list[tuple[str, dict[str, Any]]] = []
    read = store._connection.read

    async def noted(text: LiteralString, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        asked.append((text, parameters))
        return await read(text, parameters)

    store._connection.read = noted  # pyright: ignore[reportAttributeAccessIssue]
    found = await store.tasks.find(wanted)
    store._connection.read = read  # pyright: ignore[reportAttributeAccessIssue]
    cost = 0
    with server.driver.session(database=server.database) as session:
        for text, parameters in asked:
            profile = session.run(cast("LiteralString", "PROFILE " + text), parameters).consume().profile
            cost += sum(hits(cast("dict[str, Any]", profile)))
    return len(found), cost


@pytest.mark.neo4j
async def test_ended_tasks_cost_a_list_of_open_ones_nothing(
    neo4j_server: Server, a_task: MakeTask, now: datetime
) -> None:
    store = await open_store(neo4j_server.graph)
    costs: list[tuple[int, int]] = []
    for ended in (0, 5000):
        if ended:
            neo4j_server.run(
                "UNWIND range(1, $ended) AS i CREATE (t:scheduled_task {task_id: 'task_over_' + i, "
                "status: 'COMPLETE', task_type: 'one_time', status_index_key: 'COMPLETE|one_time|task_over_' + i})",
                ended=ended,
            )
        else:
            await store.tasks.create([a_task(next_run_ms=to_ms(now) + place) for place in range(200)])
            await store.tasks.create([a_task(next_run_ms=None, status=TaskStatus.ACTIVE) for _ in range(20)])
        costs += [
            await hits_of(neo4j_server, store, wanted)
            for wanted in (
                *(TaskFilter(statuses=OPEN_STATUSES, limit=limit) for limit in (10**6, 10)),
                TaskFilter(ids=frozenset(map(str, range(10)))),
            )
        ]
    await store.close()

    assert costs[:3] == costs[3:]
    assert [found for found, _ in costs] == [220, 10, 0, 220, 10, 0]
    assert costs[2][1] < 100 * 10
    assert costs[0][1] < 100 * 220
    assert costs[1][1] < 100 * 10
