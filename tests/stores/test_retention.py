"""What is long over is added up and deleted: nothing is lost, nothing counted twice, and nothing else touched."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import ExecutionStatus, InvalidInput, SchedulerOptions, TaskSchedulerService, Thought
from remembrancer.bootstrap import open_store
from remembrancer.engine.maintenance.retention import prune
from remembrancer.model.timestamps import to_iso, to_ms
from remembrancer.policies.settlement import recovery_of
from remembrancer.ports.writes import Change, Settlement
from remembrancer.testing import ManualScheduler
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime
    from typing import LiteralString

    from conftest import Life
    from remembrancer.model.summary import ExecutionSummary
    from remembrancer.ports.graph import Graph

LIVES = 2
DAYS = 2
COUNTED = ("outcomes_by_day", "outcomes_by_task", "outcomes")


async def counts(store: Graph) -> list[object]:
    """What has to be the same whatever was rolled up."""
    return [await store.query(query(name)) for name in COUNTED] + [(await store.statistics.lifetime()).counts]


async def number(store: Graph, of: LiteralString) -> int:
    (row,) = await store.query(f"MATCH {of} RETURN count(*) AS n")
    return row["n"]  # pyright: ignore[reportReturnType]


async def sums(store: Graph) -> dict[str, Any]:
    """What the executions that are there add up to, as their summaries should."""
    (row,) = await store.query(
        "MATCH (e:task_execution) WITH e, e.last_nominal_at IS NULL AS began "
        "RETURN count(e) AS executions, sum(e.occurrences) AS occurrences, "
        "sum(coalesce(e.duration_seconds, 0.0)) AS duration_seconds, sum(CASE WHEN began THEN 1 ELSE 0 END) AS runs, "
        "sum(CASE WHEN began THEN e.triggered_at.epochMillis - e.nominal_at.epochMillis ELSE 0 END) / 1000.0 "
        "AS lateness_seconds, "
        "sum(CASE WHEN e.reason_code = 'handler_raised' THEN 1 ELSE 0 END) AS handler_raised, "
        "sum(CASE WHEN e.reason_code = 'lease_expired' THEN 1 ELSE 0 END) AS lease_expired, "
        "min(e.nominal_at.epochMillis) AS first_ms, "
        "max(coalesce(e.last_nominal_at, e.nominal_at).epochMillis) AS last_ms"
    )
    return row


def summed(summaries: Sequence[ExecutionSummary]) -> dict[str, Any]:
    names = (
        "executions",
        "occurrences",
        "duration_seconds",
        "runs",
        "lateness_seconds",
        "handler_raised",
        "lease_expired",
    )
    return {name: sum(getattr(each, name) for each in summaries) for name in names} | {
        "first_ms": min(to_ms(each.first_nominal_at) for each in summaries),
        "last_ms": max(to_ms(each.last_nominal_at) for each in summaries),
    }


@pytest.mark.parametrize("seed", range(LIVES))
async def test_outcomes_per_day_equal_a_recount_before_pruning(
    graph: str, reopen: Callable[[], Awaitable[Graph]], life: type[Life], seed: int
) -> None:
    lived = life(graph, seed)
    await lived.live(DAYS)
    store = await reopen()
    before = await counts(store)
    total, tasks = await sums(store), await number(store, "(:scheduled_task)")
    deferrals, changes = await number(store, "(:task_deferral)"), await number(store, "(:task_change)")
    now = lived.clock.now() + timedelta(seconds=1)

    half = await prune(store.retention, now, 1, dry_run=False)
    assert half.executions > 0
    assert await number(store, "(:task_execution)") == total["executions"] - half.executions > 0
    assert await counts(store) == before

    rest = await prune(store.retention, now, 0, dry_run=False)
    assert await counts(store) == before
    assert half.executions + rest.executions == total["executions"]
    assert half.occurrences + rest.occurrences == total["occurrences"]
    assert summed(await store.retention.summaries(None, 1000)) == pytest.approx(total)
    assert await number(store, "(:task_execution)") == 0
    assert await number(store, "(:execution_summary)-[:SUMMARY_OF]->(:scheduled_task)") > 0
    kept = [await number(store, of) for of in ("(:scheduled_task)", "(:task_deferral)", "(:task_change)")]
    assert kept == [tasks, deferrals, changes + 2]  # each roll-up has left one
    assert await number(store, "(h:thought) WHERE NOT EXISTS { (h)--() }") == 0


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(graph: str, life: type[Life]) -> None:
    lived = life(graph, 7)
    await lived.live(1)
    service = TaskSchedulerService(graph, lived.clock)
    async with ManualScheduler(service, lived.clock):
        before = await service.history(limit=1000)
        foretold = await service.prune(0.5, dry_run=True)
        assert await service.history(limit=1000) == before
        assert await service.prune(0.5) == foretold
        assert len(before) - len(await service.history(limit=1000)) == foretold.executions > 0


async def test_executions_that_run_or_have_a_newer_retry_stay(
    store: Graph, a_task: Any, a_lease: Any, claimed: Any, now: datetime
) -> None:
    await store.tasks.create([lost := a_task(on_lost="retry"), running := a_task()])
    (execution,) = await claimed(lost)
    await claimed(running)
    later = now + timedelta(days=2)
    await store.queue.recover([], [recovery_of(lost, execution, later, "replica_b")], a_lease())

    assert await store.retention.oldest(now + timedelta(days=1), "", 10) == []
    old = await store.retention.oldest(later + timedelta(seconds=1), "", 10)
    assert old == []  # the attempt that repeats it still runs


async def test_what_ran_late_is_as_young_as_its_run(store: Graph, a_task: Any, claimed: Any, now: datetime) -> None:
    await store.tasks.create([task := a_task(misfire="skip", misfire_grace_seconds=60.0)])
    later = now + timedelta(days=2)
    (missed,) = await claimed(task, at=later)

    assert await store.retention.oldest(later, "", 10) == []
    (old,) = await store.retention.oldest(later + timedelta(milliseconds=1), "", 10)
    assert (old.execution_id, old.day) == (missed.execution_id, f"{now:%Y-%m-%d}")


async def test_executions_with_foreign_edges_and_thoughts_stay(
    store: Graph, a_task: Any, claimed: Any, now: datetime, write_beside: Callable[[str], Awaitable[None]]
) -> None:
    tasks = [a_task() for _ in range(4)]
    await store.tasks.create(tasks)
    won = await claimed(*tasks)
    made = ["thought_ours", "thought_theirs", "thought_linked", "thought_origin"]
    await write_beside("CREATE (:thought {thought_id: 'thought_theirs', content: 'mine'})")
    await store.queue.settle(
        [
            Settlement(each, ExecutionStatus.COMPLETED, now, 1.0, thought=Thought(thought_id, "words"))
            for each, thought_id in zip(won, made, strict=True)
        ]
    )
    await write_beside("MATCH (h:thought {thought_id: 'thought_linked'}) CREATE (h)<-[:CREATED_BY]-(:task_change)")
    noted = won[0].execution_id
    await write_beside(f"MATCH (e:task_execution {{execution_id: '{noted}'}}) CREATE (:time)-[:SCHEDULED_FOR]->(e)")

    done = await prune(store.retention, now + timedelta(days=1), 0.5, dry_run=False)
    assert done.executions == 3
    assert [each.execution_id for each in await store.tasks.history(None, 10)] == [noted]
    thoughts = await store.query("MATCH (h:thought) RETURN h.thought_id AS id ORDER BY id")
    assert [row["id"] for row in thoughts] == sorted(made)

    await write_beside("MATCH (:time)-[x:SCHEDULED_FOR]->(:task_execution) DELETE x")
    await prune(store.retention, now + timedelta(days=1), 0.5, dry_run=False)
    thoughts = await store.query("MATCH (h:thought) RETURN h.thought_id AS id ORDER BY id")
    assert [row["id"] for row in thoughts] == sorted(made[1:])


async def test_a_running_service_summarizes_old_executions(graph: str, life: type[Life]) -> None:
    lived = life(graph, 3)
    await lived.live(2)
    lived.clock.advance(timedelta(days=30))
    options = SchedulerOptions(execution_retention_days=29)
    async with TaskSchedulerService(graph, lived.clock, options=options) as service:
        limit = lived.clock.now() - timedelta(days=29)
        while any(each.triggered_at < limit for each in await service.history(limit=1000)):  # noqa: ASYNC110 (polls a graph)
            await asyncio.sleep(0.01)

        assert await service.history(limit=1000) != []
        assert await service.summaries() != []
        (begun,) = [each for each in await service.audit_entries(limit=10_000) if each.action == "prune"]
        assert (begun.surface, (begun.actor or "").partition("_")[0], begun.task_id) == ("scheduler", "replica", None)
        assert begun.after == {"executions_before": to_iso(limit)}


async def test_a_service_keeps_every_execution_by_default(graph: str, life: type[Life]) -> None:
    lived = life(graph, 3)
    await lived.live(1)
    lived.clock.advance(timedelta(days=4000))
    async with TaskSchedulerService(graph, lived.clock) as service:
        await service.idle()
        while service.get_status().metrics["task_run_count"] < 1:  # noqa: ASYNC110 (polls a count)
            await asyncio.sleep(0.01)
        assert await service.summaries() == []


@pytest.mark.parametrize("days", [-1, float("nan"), 1e9, True])
async def test_a_time_to_keep_that_makes_no_sense_is_refused(service: TaskSchedulerService, days: float) -> None:
    with pytest.raises(InvalidInput, match="keep_days"):
        await service.prune(days)


async def test_two_that_roll_up_at_once_count_nothing_twice(graph: str, life: type[Life]) -> None:
    lived = life(graph, 5)
    await lived.live(2)
    first = await open_store(graph)
    second = first if first.exclusive else await open_store(graph)
    now = lived.clock.now() + timedelta(seconds=1)
    for follower in await first.watches.all():  # what it has yet to serve would stay
        await first.tasks.cancel(follower.task_id, Change("cancel", now, "service"))
    before, total = await counts(first), await sums(first)

    async def work(store: Graph) -> int:
        done = 0
        while old := await store.retention.oldest(now, "", 9):
            done += await store.retention.summarize(old)
        return done

    done = await asyncio.gather(*(work(store) for store in (first, second, first, second)))

    assert sum(done) == total["executions"]
    assert await counts(first) == before
    assert summed(await first.retention.summaries(None, 1000)) == pytest.approx(total)
    for store in {first, second}:
        await store.close()
