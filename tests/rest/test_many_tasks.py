"""Tags, groups and edits of many tasks over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

TASKS = "/v1/scheduler/tasks"


def asked(name: str, **choices: Any) -> dict[str, Any]:
    about = {"goal_description": "goal", "trigger_prompt": "prompt", "origin_thought_id": "thought"}
    return {"name": name, **about, "schedule_cron": "0 9 1 1 *", **choices}


@pytest.fixture
async def writer(clients: dict[str, httpx.AsyncClient]) -> httpx.AsyncClient:
    """A client that may write, to a graph with three tasks."""
    client = clients["write"]
    requests = [
        asked("Tea", tags=["errand", "Home"], group="kitchen"),
        asked("Report", tags=["errand", "work"]),
        asked("Mail", tags=["work"]),
    ]
    assert (await client.post(f"{TASKS}/batch", json={"requests": requests})).status_code == 201
    return client


async def test_tasks_are_listed_by_what_they_match(writer: httpx.AsyncClient) -> None:
    async def found(**which: Any) -> set[str]:
        answer = await writer.get(TASKS, params=which)
        assert answer.status_code == 200, answer.text
        return {task["name"] for task in answer.json()["tasks"]}

    assert await found(tag="errand") == {"Tea", "Report"}
    assert await found(tag=["errand", "work"]) == {"Report"}
    assert await found(group="kitchen", name="Tea", text="TEA") == {"Tea"}
    assert await found(group="cellar") == set()
    unknown = await writer.get(TASKS, params={"label": "errand"})
    assert unknown.status_code == 422
    (task,) = (await writer.get(TASKS, params={"group": "kitchen"})).json()["tasks"]
    assert (task["tags"], task["group"]) == (["errand", "home"], "kitchen")


async def test_many_tasks_are_edited_by_what_they_match(
    writer: httpx.AsyncClient, clients: dict[str, httpx.AsyncClient]
) -> None:
    dry = (await writer.post(f"{TASKS}/pause", json={"tags": ["work"], "dry_run": True})).json()
    paused = (await writer.post(f"{TASKS}/pause", json={"tags": ["work"], "reason": "Holidays"})).json()
    assert [task["name"] for task in dry["tasks"]] == [task["name"] for task in paused["tasks"]]
    assert (dry["dry_run"], paused["counts"]) == (True, {"changed": 2})
    assert {task["outcome"] for task in paused["tasks"]} == {"changed"}
    resumed = (await writer.post(f"{TASKS}/resume", json={"all": True})).json()
    assert resumed["counts"] == {"changed": 2}
    changes = {"timeout_seconds": 9, "tags": ["slow"]}
    updated = (await writer.post(f"{TASKS}/update", json={"name": "Mail", "changes": changes})).json()
    assert updated["tasks"][0]["changed"]["tags"] == {"before": ["work"], "after": ["slow"]}
    cancelled = (await writer.post(f"{TASKS}/cancel", json={"tags": ["errand"], "reason": "Over"})).json()
    assert cancelled["counts"] == {"changed": 2}
    assert (await clients["read"].post(f"{TASKS}/cancel", json={"all": True})).status_code == 403


async def test_an_empty_selection_is_refused(writer: httpx.AsyncClient) -> None:
    for act in ("pause", "resume", "cancel"):
        for body in (None, {}, {"reason": "Why not"}, {"all": False}, {"tags": []}):
            answer = await writer.post(f"{TASKS}/{act}", json=body)
            assert (answer.status_code, answer.json()["field"]) == (422, "all"), (act, body)
    for body in ({"all": True}, {"all": True, "changes": {}}, {"all": True, "changes": {"dedup_key": "k"}}):
        assert (await writer.post(f"{TASKS}/update", json=body)).status_code == 422
