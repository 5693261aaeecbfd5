"""The graph as the running system writes it, read by the queries that ship with it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from remembrancer.model.timestamps import to_ms
from remembrancer.stores.commits.statement import Statement
from remembrancer_schema import catalog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer import TaskSchedulerService
    from remembrancer.ports.graph import Graph
    from remembrancer.testing import ManualScheduler

SIX_EDGES = {
    ("scheduled_task", "CREATED_BY", "thought"),
    ("scheduled_task", "SCHEDULED_FOR", "time"),
    ("task_execution", "EXECUTION_OF", "scheduled_task"),
    ("task_execution", "CREATED_THOUGHT", "thought"),
    ("task_deferral", "DEFERRAL_OF", "scheduled_task"),
    ("task_deferral", "REQUESTED_BY", "thought"),
}
PARAMETERS: dict[str, Any] = {
    "followers": list[object](),
    "sought": list[object](),
    "execution_ids": ["exec_1"],
    "shards": [1],
    "thought_ids": ["thought_1"],
    "statuses": ["PENDING"],
    "tags": ["errand"],
    "types": ["one_time"],
    "ranges": [{"above": "PENDING|", "below": "PENDING}"}],
    "limit": 10,
    "others": True,
    "whole": True,
    "mine": "replica_1",
    "now_ms": 1_772_442_000_000,
    "floor_ms": 0,
    "idle_ms": 60_000,
    "zones": ["Europe/Berlin"],
}


async def ask(service: TaskSchedulerService, name: str, **parameters: object) -> Sequence[dict[str, Any]]:
    return await service.cypher(catalog.query(name), parameters)


async def live_a_little(by_hand: ManualScheduler) -> dict[str, str]:
    """An agent reminds itself, thinks a thought by it, and decides in that thought to wait."""
    service, now = by_hand.service, by_hand.clock.now()
    report = await service.schedule_task(
        "Report", "Send it", "Write the report", "thought_plan", now + timedelta(minutes=5)
    )
    await by_hand.tick(timedelta(minutes=5))
    (execution,) = await service.history(report.task_id)
    assert execution.thought_id
    until = by_hand.clock.now() + timedelta(hours=1)
    waiting = await service.schedule_deferred_task(
        execution.thought_id, "their_task", until, "The numbers are not in yet"
    )
    return {"report": report.task_id, "execution": execution.execution_id, "thought": execution.thought_id} | {
        "waiting": waiting.name
    }


async def test_the_walk_from_a_thought_to_the_deferral_it_led_to(
    service: TaskSchedulerService, by_hand: ManualScheduler
) -> None:
    lived = await live_a_little(by_hand)
    assert await ask(service, "thought_to_deferral") == [
        {
            "origin_thought": "thought_plan",
            "task": "Report",
            "execution": lived["execution"],
            "created_thought": lived["thought"],
            "reason": "The numbers are not in yet",
            "deferred_task": lived["waiting"],
        }
    ]


async def test_all_six_edges_are_written_by_the_running_system(
    service: TaskSchedulerService, by_hand: ManualScheduler
) -> None:
    await live_a_little(by_hand)
    edges = await ask(service, "history_edges", limit=1000)
    assert {(edge["source_kind"], edge["kind"], edge["target_kind"]) for edge in edges} >= SIX_EDGES
    assert all(edge["source"] and edge["target"] for edge in edges)


async def test_a_made_thought_says_what_the_task_was_to_remind_of(
    service: TaskSchedulerService, by_hand: ManualScheduler
) -> None:
    lived = await live_a_little(by_hand)
    (thought,) = await service.cypher(
        "MATCH (h:thought {thought_id: $id}) RETURN h.content AS content, h.recorded_by AS by",
        {"id": lived["thought"]},
    )
    assert thought == {"content": "Write the report", "by": "remembrancer"}
    (story,) = await ask(service, "story_of_task", task_id=lived["report"])
    assert (story["origin_thought"], story["status"], story["created_thought"]) == (
        "thought_plan",
        "completed",
        lived["thought"],
    )


async def test_the_insight_queries_tell_of_a_days_work(service: TaskSchedulerService, by_hand: ManualScheduler) -> None:
    await live_a_little(by_hand)
    now = by_hand.clock.now()
    await service.schedule_task("Beat", "b", "p", "t", schedule_cron="* * * * *", misfire="skip")
    await by_hand.tick(timedelta(minutes=30))
    outcomes = {row["status"]: row["occurrences"] for row in await ask(service, "outcomes")}
    assert set(outcomes) == {"completed", "missed"}
    assert sum(outcomes.values()) == 31
    by_task = await ask(service, "outcomes_by_task")
    assert sum(row["occurrences"] for row in by_task if row["task"] == "Beat") == 30
    (missed,) = await ask(service, "why_not", limit=10)
    assert (missed["task"], missed["reason_code"]) == ("Beat", "misfire_skipped")
    upcoming = await ask(service, "upcoming", now_ms=to_ms(now), limit=10)
    assert [row["next_run_ms"] for row in upcoming] == [
        to_ms(now + timedelta(minutes=31)),
        to_ms(now + timedelta(hours=1)),
    ]
    assert await ask(service, "deferral_reasons") == [{"reason": "The numbers are not in yet", "deferrals": 1}]


async def test_every_change_of_a_task_is_in_its_trail(service: TaskSchedulerService, by_hand: ManualScheduler) -> None:
    now = by_hand.clock.now()
    task = await service.schedule_task("A", "b", "p", "t", now + timedelta(hours=1))
    for minute, act in enumerate(
        (
            service.run_now(task.task_id),
            service.defer_task(task.task_id, now + timedelta(hours=2), "Busy", "thought_busy"),
            service.cancel_task(task.task_id, "Done by hand"),
        )
    ):
        by_hand.clock.set(now + timedelta(minutes=minute))
        await act
    trail = [row["c"] for row in await ask(service, "changes_of_task", task_id=task.task_id)]
    assert [(change["action"], change.get("reason")) for change in trail] == [
        ("run_now", None),
        ("defer", "Busy"),
        ("cancel", "Done by hand"),
    ]
    await service.idle()


async def test_each_query_of_the_catalogue_runs(store: Graph) -> None:
    session = store._connection  # pyright: ignore[reportAttributeAccessIssue]
    ran: dict[str, object] = {}
    for each in catalog.queries().values():
        if each.written == "set_graph_version":
            continue  # every open of a new graph runs it
        if "$rows" in each.text:
            ran[each.name] = await session.write([Statement(each.name, [])])
        else:
            names = re.findall(r"\$(\w+)", each.text)
            ran[each.name] = await session.read(each.text, {name: PARAMETERS.get(name, "nothing") for name in names})
    assert len(ran) > 100
    assert {name: answer for name, answer in ran.items() if not isinstance(answer, list)} == {}
