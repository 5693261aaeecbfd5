"""Cues over REST: they may read the whole graph, so that only a token with the scope admin schedules them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Cue

if TYPE_CHECKING:
    import httpx

    from remembrancer import TaskSchedulerService

TASKS = "/v1/scheduler/tasks"
QUERY = "UNWIND [1, 2] AS n RETURN n AS match"
TASK = {"name": "Cue", "goal_description": "goal", "trigger_prompt": "prompt", "origin_thought_id": "thought"}


def asked(**fields: Any) -> dict[str, object]:
    return {**TASK, "schedule": {"kind": "cue", "cypher": QUERY, **fields}}


async def test_a_cue_over_rest_shows_the_row_that_fired(clients: dict[str, httpx.AsyncClient]) -> None:
    made = await clients["admin"].post(TASKS, json=asked(every="1s"))
    assert made.status_code == 201, made.text
    path = f"{TASKS}/{made.json()['task_id']}"
    async with asyncio.timeout(60):
        while len(runs := (await clients["read"].get(f"{path}/executions")).json()["executions"]) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert [(each["cause"], each["cause_detail"]) for each in runs] == [("cue", {"match": 2}), ("cue", {"match": 1})]


@pytest.mark.parametrize("wrong", [{"cypher": "MATCH (n"}, {"every": "5"}, {"existing": 3}, {"parameters": [1]}])
async def test_a_wrong_cue_over_rest_is_refused(clients: dict[str, httpx.AsyncClient], wrong: dict[str, Any]) -> None:
    answer = await clients["admin"].post(TASKS, json=asked(**wrong))
    assert (answer.status_code, answer.json()["field"]) == (422, *wrong)


async def test_a_cue_needs_the_scope_of_any_query(
    clients: dict[str, httpx.AsyncClient], started: TaskSchedulerService
) -> None:
    refused = await clients["write"].post(TASKS, json=asked())
    assert refused.status_code == 422
    assert "scope admin" in refused.json()["allowed"]
    cue = await started.schedule_task("Cue", "g", "p", "t", schedule=Cue(QUERY))
    path = f"{TASKS}/{cue.task_id}"
    for fields in ({"schedule": {"kind": "cue", "cypher": "RETURN 3 AS match"}}, {"name": "Other"}):
        changed = await clients["write"].post(f"{path}/update", json=fields)
        assert changed.status_code == (422 if "schedule" in fields else 200), changed.text
