"""Each refused request says which part of it is refused, what that was, what would be accepted, and an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from remembrancer import TaskSchedulerService
from remembrancer.surfaces.examples import EXAMPLES
from remembrancer.surfaces.rest import request_body, security
from remembrancer.surfaces.rest.app import application

if TYPE_CHECKING:
    import httpx
    import pytest

TASKS = "/v1/scheduler/tasks"
REPORTS = "/v1/telemetry/task-scheduler"
TASK = {"name": "Tea", "goal_description": "goal", "trigger_prompt": "prompt", "origin_thought_id": "thought"}
LATER = {"until": "2090-01-01T00:00:00Z", "reason": "Not ready"}

REFUSED: list[tuple[str, str, Any, int, str, Any]] = [
    ("GET", "/v1/nowhere", None, 404, "path", "/v1/nowhere"),
    ("DELETE", TASKS, None, 405, "method", "DELETE"),
    ("GET", f"{TASKS}?limti=5", None, 422, "query", "limti"),
    ("GET", f"{TASKS}?limit=0", None, 422, "query.limit", "0"),
    ("GET", f"{TASKS}?status=OPEN", None, 422, "query.status.0", "OPEN"),
    ("GET", f"{TASKS}?cursor=nonsense", None, 422, "cursor", "nonsense"),
    ("GET", f"{TASKS}/task_none", None, 404, "task_id", "task_none"),
    ("GET", "/v1/scheduler/executions/exec_none", None, 404, "execution_id", "exec_none"),
    ("GET", "/v1/scheduler/executions?status=done", None, 422, "query.status.0", "done"),
    ("GET", "/v1/scheduler/executions?cursor=x", None, 422, "query.cursor", "x"),
    ("GET", "/v1/scheduler/audit?since=noon", None, 422, "since", "noon"),
    ("GET", f"{REPORTS}/analytics?period=2d", None, 422, "query.period", "2d"),
    ("GET", f"{REPORTS}/tasks?type=daily", None, 422, "query.type", "daily"),
    ("GET", "/v1/scheduler/events?kinds=sunrise", None, 422, "query.kinds.0", "sunrise"),
    ("GET", "/v1/scheduler/events?after=elsewhere", None, 422, "after", "elsewhere"),
    ("POST", TASKS, b"{", 422, "body", None),
    ("POST", TASKS, b"\xff", 400, "body", None),
    ("POST", TASKS, {"name": "x"}, 422, "body.goal_description", None),
    ("POST", TASKS, TASK, 422, "defer_until", None),
    ("POST", TASKS, {**TASK, "schedule_cron": "61 * * * *"}, 422, "schedule_cron", "61 * * * *"),
    ("POST", TASKS, {**TASK, "defer_until": "soon"}, 422, "defer_until", "soon"),
    ("POST", TASKS, {**TASK, "max_attempts": "many"}, 422, "body.max_attempts", "many"),
    ("POST", TASKS, {**TASK, "max_attempts": True}, 422, "body.max_attempts", True),
    ("POST", TASKS, {**TASK, "timeout_seconds": "5"}, 422, "body.timeout_seconds", "5"),
    ("POST", f"{TASKS}/batch", {"requests": []}, 422, "body.requests", []),
    ("POST", f"{TASKS}/ENDED/defer", LATER, 409, "task_id", "ENDED"),
    ("POST", f"{TASKS}/ENDED/run", None, 409, "task_id", "ENDED"),
    ("POST", f"{TASKS}/ENDED/cancel", {"why": "x"}, 422, "body.why", "x"),
    ("POST", "/v1/scheduler/cypher", {"query": "MATCH (t) RETURN t"}, 403, "scope", "write"),
    ("POST", "/v1/scheduler/prune", {"keep_days": 9}, 403, "scope", "write"),
]


async def test_a_refusal_names_field_value_allowed_and_example(writer: httpx.AsyncClient) -> None:
    ended = (await writer.post(TASKS, json={**TASK, "schedule_cron": "0 9 1 1 *"})).json()["task_id"]
    await writer.post(f"{TASKS}/{ended}/cancel")

    for method, path, body, status, field, value in REFUSED:
        sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        head = {"Content-Type": "application/json"}
        answer = await writer.request(method, path.replace("ENDED", ended), headers=head, **sent)
        problem = answer.json()

        assert (path, answer.status_code, problem["field"]) == (path, status, field)
        assert problem["value"] == (ended if value == "ENDED" else value)
        assert problem["allowed"]
        assert problem["example"] or "no such field" in problem["allowed"]
        assert answer.headers["content-type"] == "application/problem+json"
        assert method != "DELETE" or problem["allowed"] == answer.headers["allow"] == "GET, POST"
        assert problem["request_id"] == answer.headers["x-request-id"] != "-"


async def test_a_refused_request_is_answered_with_a_problem_document(
    clients: dict[str, httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = await clients["nobody"].get(TASKS)
    stale = await clients["write"].post(f"{TASKS}/task_none/cancel", headers={"If-Match": '"of another"'})
    key = await clients["write"].post(f"{TASKS}/task_none/cancel", headers={"Idempotency-Key": "k" * 129})
    large = await clients["write"].post(TASKS, json={"name": "x" * request_body.LARGEST_BODY})
    monkeypatch.setattr(security, "BURST", 0.5)
    often = await clients["read"].get(TASKS)

    for answer, status, field in (
        (nobody, 401, "Authorization"),
        (stale, 412, "If-Match"),
        (key, 422, "header.idempotency-key"),
        (large, 413, "body"),
        (often, 429, "rate"),
    ):
        problem = answer.json()
        assert (answer.status_code, problem["field"]) == (status, field)
        assert all((problem["allowed"], problem["example"], "value" in problem))


async def test_a_fault_has_the_request_id_in_its_answer_and_in_the_log(
    reader: httpx.AsyncClient,
    started: TaskSchedulerService,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(started, "get_capabilities", lambda: 1 / 0)
    answer = await reader.get("/v1/scheduler/capabilities")

    assert (answer.status_code, answer.json()["type"]) == (500, "urn:remembrancer:fault")
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert any(answer.json()["request_id"] in each.message and each.exc_info for each in caplog.records)


def test_there_is_an_example_of_everything_that_can_be_sent() -> None:
    document = application(TaskSchedulerService()).openapi()
    schemas = document["components"]["schemas"]
    asked: set[str] = set()
    for operation in (each for item in document["paths"].values() for each in item.values()):
        asked |= {parameter["name"].lower() for parameter in operation.get("parameters", [])}
        if body := operation.get("requestBody"):
            schema = body["content"]["application/json"]["schema"]
            reference = schema.get("$ref") or schema["anyOf"][0]["$ref"]
            asked |= schemas[reference.rpartition("/")[2]]["properties"].keys()

    assert asked <= EXAMPLES.keys()
