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
from remembrancer.surfaces import log_context
from remembrancer.surfaces.rest import router, security
from remembrancer.surfaces.rest.app import application

if TYPE_CHECKING:
    from pathlib import Path

REMEMBRANCER = (sys.executable, "-m", "remembrancer")
TASKS = "/v1/scheduler/tasks"
REPORTS = "/v1/telemetry/task-scheduler"
_RUNNING = "/executions?status=running"
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


async def test_a_token_reaches_as_far_as_its_scope(clients: dict[str, httpx.AsyncClient]) -> None:
    question = {"query": "MATCH (t:scheduled_task) RETURN count(t) AS n"}
    reached = {
        name: [
            (await client.get(TASKS)).status_code,
            (await client.post(TASKS, json=asked())).status_code,
            (await client.post("/v1/scheduler/cypher", json=question)).status_code,
            (await client.get("/v1/scheduler/health")).json().keys() == {"healthy"},
        ]
        for name, client in clients.items()
    }

    assert reached == {
        "nobody": [401, 401, 401, True],
        "read": [200, 403, 403, True],
        "write": [200, 201, 403, True],
        "admin": [200, 201, 200, True],
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


@pytest.mark.parametrize("name", ["status", "performance", "task-statistics", "cron-analytics"])
async def test_the_reports_are_served(reader: httpx.AsyncClient, started: TaskSchedulerService, name: str) -> None:
    answer = await reader.get(f"{REPORTS}/{name}")
    told = await getattr(started.telemetry, name.replace("-", "_"))()

    assert answer.status_code == 200
    assert answer.json().keys() == told.model_dump().keys()


async def test_what_became_of_a_task_and_who_did_what_is_served(
    clients: dict[str, httpx.AsyncClient], started: TaskSchedulerService
) -> None:
    writer, one = clients["write"], f"{TASKS}/{(await make(clients['write']))['task_id']}"
    run = (await writer.post(f"{one}/run")).json()
    await started.idle()
    back = {"thought_id": "t", "task_id": "theirs", "defer_until": "2090-01-01T00:00:00Z", "reason": "Not yet"}
    deferred = [(await writer.post(f"{TASKS}/deferred", json=back)).json() for _ in range(2)]
    told = {
        path: (await writer.get(f"/v1/scheduler{path}")).json()
        for path in (f"/executions/{run['execution_id']}", _RUNNING, "/summaries", "/capabilities", "/doctor")
    }
    changes = await pages(writer, "/v1/scheduler/audit", "changes")
    mine = await pages(writer, f"{one}/audit", "changes")
    timeline = (await writer.get(f"{one}/timeline")).json()
    dry = await clients["admin"].post("/v1/scheduler/prune", json={"keep_days": 0, "dry_run": True})
    kept = await clients["admin"].post("/v1/scheduler/prune", json={"keep_days": 0})

    assert told[f"/executions/{run['execution_id']}"]["status"] == "completed"
    assert (told[_RUNNING]["executions"], told["/summaries"], len(told["/doctor"])) == ([], [], 10)
    assert "cancel_task" in told["/capabilities"]["actions"]
    assert [each["deferral_count"] for each in deferred] == [1, 2]
    assert [each["action"] for each in changes if each["task_id"]] == ["create", "run_now", "create", "defer"]
    assert [each["action"] for each in mine] == ["create", "run_now"]
    assert [each.get("action", each.get("status")) for each in timeline] == ["run_now", "completed", "create"] or [
        each.get("action", each.get("status")) for each in timeline
    ] == ["completed", "run_now", "create"]
    assert (dry.json()["executions"], kept.json()["executions"]) == (1, 1)
    assert len((await writer.get(f"{one}/summaries")).json()) == 1


async def test_a_request_counts_once_and_health_does_not_count(
    clients: dict[str, httpx.AsyncClient], started: TaskSchedulerService
) -> None:
    async def counted() -> tuple[int, int]:
        """Count; to count is a request too."""
        performance = (await clients["read"].get(f"{REPORTS}/status")).json()["performance"]
        return performance["request_count"], performance["error_count"]

    before, failed = await counted()
    one = f"{TASKS}/{(await make(clients['write']))['task_id']}"
    for path in (f"{one}/timeline", f"{one}/executions", f"{REPORTS}/cron-analytics", "/v1/scheduler/status"):
        assert (await clients["read"].get(path)).status_code == 200
    await started.telemetry.tasks()
    await clients["nobody"].get("/v1/scheduler/health")
    for client, path in (("nobody", TASKS), ("read", f"{TASKS}?limit=0"), ("read", f"{TASKS}/task_none")):
        assert (await clients[client].get(path)).status_code >= 400

    assert await counted() == (before + 6 + 3 + 1, failed + 3)


async def test_a_refused_cron_expression_is_in_the_reports_at_once(writer: httpx.AsyncClient) -> None:
    await writer.post(TASKS, json=asked(schedule_cron="61 * * * *"))

    stats = (await writer.get(f"{REPORTS}/cron")).json()["validation_stats"]
    errors = (await writer.get(f"{REPORTS}/performance")).json()["error_analysis"]
    assert stats == {"valid_expressions": 0, "invalid_attempts": 1, "success_rate": 0.0}
    assert (errors["cron_parsing_errors"], errors["most_common_error"]) == (1, "Invalid cron expression")


async def test_a_preview_and_the_status_are_served(reader: httpx.AsyncClient) -> None:
    fires = await reader.get(
        "/v1/scheduler/preview", params={"expression": "0 9 * * *", "after": "2027-01-01T00:00:00Z"}
    )
    status = await reader.get("/v1/scheduler/status")

    assert fires.json()[0]["at"] == "2027-01-01T09:00:00Z"
    assert status.json()["service_name"] == "TaskSchedulerService"


async def test_who_asks_too_often_is_told_to_wait(reader: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "BURST", 3.0)
    monkeypatch.setattr(security, "RATE", 0.001)
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
        assert (await client.get("/v1/scheduler/health")).json().keys() == {"healthy"}
        refused = await client.get(TASKS)
        assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")


async def test_serve_prints_the_api_address_and_the_cli_makes_tokens(tmp_path: Path) -> None:
    graph = str(tmp_path / "graph")
    serving = await asyncio.create_subprocess_exec(
        *REMEMBRANCER, "serve", "--graph", graph, "--no-bolt", "--json", stdout=asyncio.subprocess.PIPE
    )
    assert serving.stdout
    line = await asyncio.wait_for(serving.stdout.readline(), 120)
    address = line.decode().partition('"rest": "')[2].partition('"')[0]
    command = (*REMEMBRANCER, "token", "create", "--graph", graph, "--name", "ada", "--scope", "write")
    making = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    token = (await making.communicate())[0].decode().strip()
    async with httpx.AsyncClient(timeout=60, base_url=address, headers={"Authorization": f"Bearer {token}"}) as client:
        made = await client.post(TASKS, json=asked())
    serving.terminate()
    await serving.communicate()

    assert made.status_code == 201
    assert serving.returncode == 0


def test_the_openapi_document_names_every_route_and_its_problems() -> None:
    document = application(TaskSchedulerService()).openapi()

    assert len(document["paths"]) == 79
    for path, item in document["paths"].items():
        for operation in item.values():
            assert path.endswith("health") or "application/problem+json" in operation["responses"]["401"]["content"]


def test_a_handler_of_ones_own_may_have_the_id_in_every_record() -> None:
    record = logging.LogRecord("remembrancer", logging.INFO, __file__, 1, "text", None, None)
    mark = log_context.REQUEST_ID.set("r1")

    assert log_context.WithRequestId().filter(record)
    log_context.REQUEST_ID.reset(mark)
    assert vars(record)["request_id"] == "r1"
