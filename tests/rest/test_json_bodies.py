"""Bodies that readers of JSON differ about, or that are no JSON: refused with the field, and where it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx

TASKS = "/v1/scheduler/tasks"
GOOD = {
    "name": "Report",
    "goal_description": "Send the report",
    "trigger_prompt": "Write it",
    "origin_thought_id": "thought_1",
    "schedule_cron": "0 9 * * *",
}
JSON = {"Content-Type": "application/json"}


def good(more: str) -> str:
    return f"{json.dumps(GOOD)[:-1]}, {more}}}"


TWICE_NAMED = good('"name": "Other"')


@pytest.mark.parametrize(
    ("path", "content", "key"),
    [
        (TASKS, good('"schedule_cron": "* * * * *"'), "schedule_cron"),
        (TASKS, good('"n\\u0061me": "Other"'), "name"),
        (TASKS, good('"context": {"a": [{"room": 1, "b": 2, "room": 1}]}'), "room"),
        (f"{TASKS}/batch", f'{{"requests": [{TWICE_NAMED}]}}', "name"),
        (f"{TASKS}/batch", f'{{"requests": [], "requests": [{json.dumps(GOOD)}]}}', "requests"),
    ],
)
async def test_a_key_that_stands_twice_is_refused_by_name(
    writer: httpx.AsyncClient, path: str, content: str, key: str
) -> None:
    refused = await writer.post(path, content=content, headers=JSON)
    problem = refused.json()

    assert refused.status_code == 422
    assert (problem["field"], problem["value"]) == (key, "twice")
    assert "once" in problem["allowed"]
    assert (await writer.get(TASKS)).json()["tasks"] == []


@pytest.mark.parametrize(
    ("content", "character"), [('{"name": x}', 10), ("{", 2), ("", 1), ('{"name": "a"} {}', 15), ("{'name': 1}", 2)]
)
async def test_a_body_that_is_no_json_is_refused_with_its_place(
    writer: httpx.AsyncClient, content: str, character: int
) -> None:
    refused = await writer.post(TASKS, content=content, headers=JSON)
    problem = refused.json()

    assert (refused.status_code, problem["field"], problem["value"]) == (422, "body", None)
    assert content == "" or f"at character {character}:" in problem["allowed"]
    assert problem["detail"].startswith("body: ")
    assert (await writer.post(TASKS, json=problem["example"])).status_code == 201


async def test_a_long_value_is_quoted_in_part(writer: httpx.AsyncClient) -> None:
    for name in ("name", "schedule_cron", "timezone", "misfire", "dedup_key"):
        refused = await writer.post(TASKS, json={**GOOD, name: "\x1b\u202e" + "x" * 100_000})
        assert (refused.status_code, refused.json()["field"].removeprefix("body.")) == (422, name)
        assert len(refused.content) < 4000
