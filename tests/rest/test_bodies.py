"""Bodies: what no answer could carry is refused as a problem, by name, and every list goes on answering."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from remembrancer import TaskSchedulerService

TASKS = "/v1/scheduler/tasks"
GOOD = {
    "name": "Report",
    "goal_description": "Send the report",
    "trigger_prompt": "Write it",
    "origin_thought_id": "thought_1",
    "schedule_cron": "0 9 * * *",
}
JSON = {"Content-Type": "application/json"}


def nested(levels: int, kind: str = '{"a":') -> str:
    return kind * levels + "1" + ("}" if kind.startswith("{") else "]") * levels


def body(**written: str) -> str:
    """A good body with members as they are written here, whether JSON has such values or not."""
    members = {name: json.dumps(value) for name, value in GOOD.items()} | written
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


ODD = {
    "too deep": ("context", nested(33)),
    "deep in a list": ("context", '{"a":' + nested(40, "[") + "}"),
    "deeper than an encoder": ("context", nested(300)),
    "deeper than a parser": ("context", nested(1200)),
    "deeper than any": ("context", nested(100_000, "[")),
    "no number": ("context", '{"a":{"b":[1,NaN]}}'),
    "no end": ("context", '{"a":-Infinity}'),
    "too large a number": ("context", '{"a":1e400}'),
    "65 bits": ("context", '{"a":18446744073709551616}'),
    "too many digits": ("context", '{"a":' + "9" * 5000 + "}"),
    "a lone surrogate": ("context", '{"a":"\\ud800"}'),
    "a lone surrogate as a key": ("context", '{"\\udfff":1}'),
    "a NUL": ("context", '{"a":"\\u0000"}'),
    "no number of seconds": ("misfire_grace_seconds", "NaN"),
    "too many seconds": ("timeout_seconds", "1e999"),
    "too many attempts": ("max_attempts", "9" * 40),
    "a deep name": ("name", nested(50, "[")),
    "a deep prompt": ("trigger_prompt", nested(2000)),
    "a surrogate for a name": ("name", '"\\ud800"'),
    "a NUL in a prompt": ("trigger_prompt", '"a\\u0000b"'),
}


@pytest.mark.parametrize("case", ODD)
async def test_an_odd_value_is_refused_by_name(writer: httpx.AsyncClient, case: str) -> None:
    field, value = ODD[case]
    refused = await writer.post(TASKS, content=body(**{field: value}), headers=JSON)
    problem = refused.json()

    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert problem["field"] == field
    assert problem["allowed"]
    assert problem["example"]
    assert problem["request_id"] == refused.headers["x-request-id"]
    listed = await writer.get(TASKS)
    assert (listed.status_code, listed.json()["tasks"]) == (200, [])


async def test_a_context_at_the_bound_comes_back_as_it_was(writer: httpx.AsyncClient) -> None:
    context = json.loads(nested(32)) | {"most": 2**63 - 1, "least": -(2**63), "large": 1.7e308, "text": "\U0001f514"}
    made = await writer.post(TASKS, json={**GOOD, "context": context})
    task_id = made.json()["task_id"]

    assert made.status_code == 201
    assert (await writer.get(f"{TASKS}/{task_id}")).json()["context"] == context
    assert [each["context"] for each in (await writer.get(TASKS)).json()["tasks"]] == [context]


@pytest.mark.parametrize("levels", [32, 33])
async def test_a_batch_has_the_same_bound(writer: httpx.AsyncClient, levels: int) -> None:
    asked = f'{{"requests":[{body(context=nested(levels))}]}}'
    answer = await writer.post(f"{TASKS}/batch", content=asked, headers=JSON)

    assert answer.status_code == (201 if levels == 32 else 422), answer.text


@pytest.mark.parametrize("path", ["cancel", "defer", "run"])
async def test_every_route_with_a_body_has_the_bounds(writer: httpx.AsyncClient, path: str) -> None:
    task_id = (await writer.post(TASKS, json=GOOD)).json()["task_id"]
    for value in (nested(1000), "NaN", '"\\ud800"', "1e400"):
        refused = await writer.post(f"{TASKS}/{task_id}/{path}", content=f'{{"reason":{value}}}', headers=JSON)

        assert (refused.status_code, refused.json()["field"]) == (422, "reason"), refused.text
        assert refused.headers["content-type"] == "application/problem+json"


async def test_a_list_over_http_has_the_fires_asked_for(writer: httpx.AsyncClient) -> None:
    await writer.post(TASKS, json={**GOOD, "schedule_cron": "0 9 * * *"})
    for wanted, shown in (("1", 1), ("7", 7), ("true", 5)):
        (task,) = (await writer.get(TASKS, params={"next_fires": wanted})).json()["tasks"]
        assert len(task["next_fires"]) == shown, wanted
    (bare,) = (await writer.get(TASKS, params={"next_fires": "false"})).json()["tasks"]
    assert bare["next_fires"] is None
    for wrong in ("1001", "-1", "many"):
        refused = await writer.get(TASKS, params={"next_fires": wrong})
        assert (refused.status_code, refused.json()["field"]) == (422, "query.next_fires"), refused.text


async def test_parameters_of_a_query_have_the_bounds(clients: dict[str, httpx.AsyncClient]) -> None:
    for value in (nested(600), '{"x":NaN}', '{"x":99999999999999999999}', '{"x":"\\ud800"}'):
        asked = f'{{"query":"RETURN $x AS x","parameters":{value}}}'
        refused = await clients["admin"].post("/v1/scheduler/cypher", content=asked, headers=JSON)

        assert (refused.status_code, refused.json()["field"]) == (422, "parameters"), refused.text


@pytest.mark.parametrize(
    "context", [nested(300), '{"a":NaN}', '{"a":1e400}', '{"a":"\\ud800"}', "[1]", "no JSON", nested(5000)]
)
async def test_a_row_of_another_hand_hides_no_other(
    started: TaskSchedulerService, writer: httpx.AsyncClient, context: str
) -> None:
    odd, sound = [(await writer.post(TASKS, json={**GOOD, "context": {"a": 1}})).json()["task_id"] for _ in range(2)]
    write(started, "MATCH (t:scheduled_task {task_id: $id}) SET t.context = $context", id=odd, context=context)
    listed = await writer.get(TASKS, params={"next_fires": True})
    seen: dict[str, Any] = {each["task_id"]: each for each in listed.json()["tasks"]}
    one = await writer.get(f"{TASKS}/{odd}")
    report = await writer.get("/v1/telemetry/task-scheduler/tasks")

    assert (listed.status_code, one.status_code, report.status_code) == (200, 200, 200)
    assert (seen[sound]["context"], seen[sound]["unreadable"]) == ({"a": 1}, None)
    assert (seen[odd]["name"], seen[odd]["context"]) == ("Report", None)
    assert "context" in seen[odd]["unreadable"]
    assert one.json() == {**seen[odd], "deferral_history": []}
    assert {each["task_id"] for each in report.json()["tasks"]} == {odd, sound}
    run = await writer.post(f"{TASKS}/{odd}/run")
    assert (run.status_code, run.json()["type"]) == (500, "urn:remembrancer:task-unreadable")
    assert (await writer.post(f"{TASKS}/{odd}/cancel")).json()["cancelled"] is True


def write(service: TaskSchedulerService, text: str, **parameters: str) -> None:
    """Write into the graph as nothing of the scheduler does."""
    database = service._process.store._connection._database  # pyright: ignore[reportPrivateUsage]
    with database.transaction():
        database.command("opencypher", text, parameters)
