"""The API: what a person can do in Python, over HTTP, by whom, and how it says no."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import FastAPI

from remembrancer import TaskSchedulerService
from remembrancer.surfaces import request_id
from remembrancer.surfaces.rest import guarding, router
from remembrancer.surfaces.rest.mounting import application

if TYPE_CHECKING:
    from pathlib import Path

REMEMBRANCER = (sys.executable, "-m", "remembrancer")
TASKS = "/v1/scheduler/tasks"
REPORTS = "/v1/telemetry/task-scheduler"
CRON = {"schedule_cron": "0 9 1 1 *"}


def asked(name: str = "Tea", **choices: Any) -> dict[str, Any]:
    return {
        "name": name,
        "goal_description": "goal",
        "trigger_prompt": "prompt",
        "origin_thought_id": "thought",
        **(choices or CRON),
    }


async def make(writer: httpx.AsyncClient, name: str = "Tea", **choices: Any) -> dict[str, Any]:
    answer = await writer.post(TASKS, json=asked(name, **choices))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_task_is_scheduled_shown_put_off_run_and_cancelled(
    writer: httpx.AsyncClient, started: TaskSchedulerService
) -> None:
    task_id = (await make(writer))["task_id"]
    one = f"{TASKS}/{task_id}"
    put_off = await writer.post(f"{one}/defer", json={"until": "2090-01-01T00:00:00Z", "reason": "Not ready"})
    run = await writer.post(f"{one}/run")
    await started.idle()
    executions = (await writer.get(f"{one}/executions")).json()["executions"]
    cancelled = [(await writer.post(f"{one}/cancel", json={"reason": "Over"})).json()["cancelled"] for _ in range(2)]
    shown = (await writer.get(one)).json()

    assert put_off.json()["next_fires"][0] == "2090-01-01T00:00:00Z"
    assert run.json()["status"] == "running"
    assert [(each["status"], each["result"]) for each in executions] == [("completed", "done")]
    assert cancelled == [True, False]
    assert (shown["status"], shown["deferral_count"]) == ("CANCELLED", 1)


async def test_who_did_it_is_on_record_by_the_name_of_the_token(
    writer: httpx.AsyncClient, started: TaskSchedulerService
) -> None:
    await writer.post(f"{TASKS}/{(await make(writer))['task_id']}/cancel")
    other = await started.schedule_task("Other", "goal", "prompt", "thought", **CRON)
    await started.cancel_task(other.task_id)

    actors = await started.cypher(
        "MATCH (c:task_change) WHERE c.action = 'cancel' RETURN c.surface AS surface, c.actor AS actor ORDER BY surface"
    )
    assert actors == [{"surface": "rest", "actor": "writer"}, {"surface": "service", "actor": None}]


async def test_a_refusal_says_what_would_be_accepted(writer: httpx.AsyncClient) -> None:
    answer = await writer.post(TASKS, json=asked(schedule_cron="61 * * * *"), headers={"X-Request-ID": "mine-1"})
    problem = answer.json()

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == problem["request_id"] == "mine-1"
    assert (problem["type"], problem["field"]) == ("urn:remembrancer:invalid-input", "schedule_cron")
    assert problem["value"] == "61 * * * *"
    assert problem["allowed"]
    assert problem["example"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"{TASKS}/task_none", None, 404),
        ("GET", "/v1/nowhere", None, 404),
        ("DELETE", TASKS, None, 405),
        ("POST", TASKS, {"name": "x"}, 422),
        ("GET", f"{TASKS}?limit=0", None, 422),
        ("GET", f"{TASKS}?limti=5", None, 422),
        ("GET", f"{TASKS}?cursor=nonsense", None, 422),
        ("GET", f"{REPORTS}/analytics?period=2d", None, 422),
        ("POST", f"{TASKS}/task_none/defer", {"until": "2090-01-01T00:00:00Z", "reason": "r"}, 404),
    ],
)
async def test_what_is_wrong_is_a_problem_document(
    writer: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    answer = await writer.request(method, path, json=body)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status


async def test_a_token_reaches_as_far_as_its_scope(clients: dict[str, httpx.AsyncClient]) -> None:
    question = {"query": "MATCH (t:scheduled_task) RETURN count(t) AS n"}
    reached = {
        name: [
            (await client.get(TASKS)).status_code,
            (await client.post(TASKS, json=asked())).status_code,
            (await client.post("/v1/scheduler/cypher", json=question)).status_code,
            (await client.get("/v1/scheduler/health")).status_code,
        ]
        for name, client in clients.items()
    }

    assert reached == {
        "nobody": [401, 401, 401, 200],
        "read": [200, 403, 403, 200],
        "write": [200, 201, 403, 200],
        "admin": [200, 201, 200, 200],
    }


async def test_a_revoked_token_opens_nothing_from_then_on(
    reader: httpx.AsyncClient, started: TaskSchedulerService
) -> None:
    assert (await reader.get(TASKS)).status_code == 200
    assert [await started.revoke_token("reader") for _ in range(2)] == [True, False]
    assert (await reader.get(TASKS)).status_code == 401


async def test_the_graph_keeps_no_token(started: TaskSchedulerService) -> None:
    made = await started.create_token("somebody", "read")
    (node,) = await started.cypher("MATCH (k:access_token) RETURN k")

    assert made.token not in str(node)
    assert "token" not in (await started.list_tokens())[0].model_dump()


async def test_an_idempotency_key_makes_one_task_and_no_other(writer: httpx.AsyncClient) -> None:
    head = {"Idempotency-Key": "k1"}
    answers = [await writer.post(TASKS, json=asked(), headers=head) for _ in range(2)]
    other = await writer.post(TASKS, json=asked("Coffee"), headers=head)

    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json()["task_id"] == answers[1].json()["task_id"]
    assert (other.status_code, other.json()["type"]) == (422, "urn:remembrancer:idempotency-key")


async def test_a_change_of_what_is_not_as_it_was_read_is_refused(writer: httpx.AsyncClient) -> None:
    one = f"{TASKS}/{(await make(writer))['task_id']}"
    read = (await writer.get(one)).headers["etag"]
    defer = {"until": "2090-01-01T00:00:00Z", "reason": "Later"}
    answers = [await writer.post(f"{one}/defer", json=defer, headers={"If-Match": read}) for _ in range(2)]
    now = (await writer.get(one)).headers["etag"]
    last = await writer.post(f"{one}/cancel", headers={"If-Match": now})

    assert [answer.status_code for answer in answers] == [200, 412]
    assert now != read
    assert last.json()["cancelled"]


async def test_lists_are_read_page_by_page_without_a_gap(
    writer: httpx.AsyncClient, started: TaskSchedulerService
) -> None:
    batch = await writer.post(f"{TASKS}/batch", json={"requests": [asked(f"t{number}") for number in range(7)]})
    for task in batch.json()[:3]:
        await writer.post(f"{TASKS}/{task['task_id']}/run")
    await started.idle()
    await writer.post(f"{TASKS}/{batch.json()[0]['task_id']}/cancel")
    tasks = await pages(writer, TASKS, "tasks")
    executions = await pages(writer, "/v1/scheduler/executions", "executions")

    assert sorted(task["name"] for task in tasks) == [f"t{number}" for number in range(7)]
    assert len({execution["execution_id"] for execution in executions}) == 3
    assert [task["name"] for task in (await writer.get(f"{TASKS}?status=CANCELLED")).json()["tasks"]] == ["t0"]


async def pages(client: httpx.AsyncClient, path: str, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get(path, params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
        found += page[name]
        cursor = page["next_cursor"]
    return found


@pytest.mark.parametrize("name", ["status", "tasks", "analytics", "cron", "performance"])
async def test_the_reports_are_served(reader: httpx.AsyncClient, started: TaskSchedulerService, name: str) -> None:
    answer = await reader.get(f"{REPORTS}/{name}")
    told = await getattr(started.telemetry, name)()

    assert answer.status_code == 200
    assert answer.json().keys() == told.model_dump().keys()


async def test_a_preview_and_the_status_are_served(reader: httpx.AsyncClient) -> None:
    fires = await reader.get(
        "/v1/scheduler/preview", params={"expression": "0 9 * * *", "after": "2027-01-01T00:00:00Z"}
    )
    status = await reader.get("/v1/scheduler/status")

    assert fires.json()[0]["at"] == "2027-01-01T09:00:00Z"
    assert status.json()["service_name"] == "TaskSchedulerService"


async def test_a_body_that_is_too_large_is_not_read(writer: httpx.AsyncClient) -> None:
    answer = await writer.post(TASKS, json=asked(trigger_prompt="x" * guarding.LARGEST_BODY))

    assert (answer.status_code, answer.json()["status"]) == (413, 413)


async def test_who_asks_too_often_is_told_to_wait(reader: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarding, "BURST", 3.0)
    monkeypatch.setattr(guarding, "RATE", 0.001)
    answers = [await reader.get(TASKS) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["retry-after"] == "1"


async def test_every_request_is_in_the_log_with_its_id(
    reader: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="remembrancer.rest"):
        answer = await reader.get(TASKS, headers={"X-Request-ID": "not a fit id !"})

    assert answer.headers["x-request-id"] in caplog.text
    assert "rest: reader" in caplog.text
    assert "not a fit id" not in caplog.text


async def test_two_lines_mount_it_in_an_application_of_ones_own(started: TaskSchedulerService) -> None:
    app = FastAPI()
    app.include_router(router(started))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        assert (await client.get("/v1/scheduler/health")).json() == {"healthy": True}
        refused = await client.get(TASKS)
        assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")


async def test_serve_prints_where_the_api_is_and_the_cli_makes_its_tokens(tmp_path: Path) -> None:
    graph = str(tmp_path / "graph")
    serving = await asyncio.create_subprocess_exec(
        *REMEMBRANCER, "serve", "--graph", graph, "--no-bolt", "--json", stdout=asyncio.subprocess.PIPE
    )
    assert serving.stdout
    line = await asyncio.wait_for(serving.stdout.readline(), 30)
    address = line.decode().partition('"rest": "')[2].partition('"')[0]
    command = (*REMEMBRANCER, "token", "create", "--graph", graph, "--name", "ada", "--scope", "write")
    making = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    token = (await making.communicate())[0].decode().strip()
    async with httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {token}"}) as client:
        made = await client.post(TASKS, json=asked())
    serving.terminate()
    await serving.communicate()

    assert made.status_code == 201
    assert serving.returncode == 0


def test_the_openapi_document_names_every_route_and_its_problems() -> None:
    document = application(TaskSchedulerService()).openapi()

    assert len(document["paths"]) == 18
    for path, item in document["paths"].items():
        for operation in item.values():
            assert path.endswith("health") or "application/problem+json" in operation["responses"]["401"]["content"]


def test_a_handler_of_ones_own_may_have_the_id_in_every_record() -> None:
    record = logging.LogRecord("remembrancer", logging.INFO, __file__, 1, "text", None, None)
    mark = request_id.REQUEST_ID.set("r1")

    assert request_id.WithRequestId().filter(record)
    request_id.REQUEST_ID.reset(mark)
    assert vars(record)["request_id"] == "r1"
