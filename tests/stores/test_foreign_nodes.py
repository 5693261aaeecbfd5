"""What others keep under names of ours is in no answer: neither their nodes without our keys, nor their edges."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from remembrancer_schema.catalog import query
from remembrancer_schema.kinds import EDGES, KEYS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph

ASKED = {
    "history_edges": {"limit": 1000},
    "outcomes": {},
    "outcomes_by_task": {},
    "outcomes_by_day": {},
    "why_not": {"limit": 1000},
    "tasks_by_prefix": {"prefix": "", "limit": 1000},
    "upcoming": {"now_ms": 0, "limit": 1000},
    "deferral_reasons": {},
    "summaries": {"task_id": None, "limit": 1000},
    "event_streams": {},
    "counters": {},
    "cron_usage": {"limit": 1000},
    "tokens": {},
    "leases_held": {"limit": 1000},
    "expired_leases": {"now_ms": 1 << 50, "others": True, "mine": "me"},
    "lease_state": {"now_ms": 1 << 50},
    **{f"size_of_{label}": {} for label in ("scheduled_task", "task_execution", "task_change", "execution_lease")},
}
THEIRS = "title: 'theirs', status: 'failed', reason: 'theirs', until_ms: 5, newest: 7, due_key: 7000000, open_tasks: 3"


async def answers(store: Graph) -> dict[str, list[str]]:
    """Return the rows of every answer, in an order of their own: some of the queries promise none."""
    asked = {name: await store.query(query(name), dict(parameters)) for name, parameters in ASKED.items()}
    return {name: sorted(json.dumps(row, sort_keys=True, default=str) for row in rows) for name, rows in asked.items()}


async def test_nodes_and_edges_of_others_are_in_no_answer(
    store: Graph,
    a_task: Callable[..., ScheduledTask],
    claimed: Callable[..., Awaitable[Sequence[Execution]]],
    write_beside: Callable[[str], Awaitable[None]],
) -> None:
    await store.tasks.create([task := a_task(schedule_cron="0 9 * * *"), a_task()])
    await claimed(task)
    before = await answers(store)
    for label in KEYS:
        if label != "remembrancer_graph":
            await write_beside(f"CREATE (:{label} {{{THEIRS}}})")
    for edge in EDGES:
        await write_beside(
            f"CREATE (:Entity {{task_id: 'a'}})-[:{edge.kind}]->(:Entity {{task_id: 'b'}}), "
            f"(:{edge.source} {{title: 'theirs'}})-[:{edge.kind}]->(:{edge.target} {{title: 'theirs'}})"
        )

    assert await answers(store) == before
    assert len(before["history_edges"]) == 5
    assert await store.events.running(10)
    assert len(await store.events.ranges()) == len(before["event_streams"])
