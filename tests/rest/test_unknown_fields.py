"""A field that there is not is refused at every way in, with the name of the one that was meant."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from remembrancer import InvalidInput, ScheduleRequest, TaskSchedulerService
from remembrancer.model.suggestions import nearest
from remembrancer.operations import catalog
from remembrancer.surfaces.control import protocol
from remembrancer.surfaces.control.client import RemoteScheduler
from remembrancer.surfaces.control.connection_file import ConnectionFile
from remembrancer.surfaces.control.server import ControlServer
from remembrancer.surfaces.rest.app import application
from remembrancer.surfaces.violations import to_invalid_input

if TYPE_CHECKING:
    import httpx

TASKS = "/v1/scheduler/tasks"
TASK = {
    "name": "Tea",
    "goal_description": "goal",
    "trigger_prompt": "prompt",
    "origin_thought_id": "thought",
    "schedule_cron": "0 9 * * *",
}
MEANT = [
    ("time_zone", "timezone"),
    ("timeZone", "timezone"),
    ("tz", "timezone"),
    ("misfire_policy", "misfire"),
    ("cron", "schedule_cron"),
    ("defer", "defer_until"),
    ("timeout", "timeout_seconds"),
    ("max_attempt", "max_attempts"),
    ("dedupKey", "dedup_key"),
]


@pytest.mark.parametrize(("given", "meant"), MEANT)
async def test_a_body_with_an_unknown_field_schedules_nothing(
    writer: httpx.AsyncClient, reader: httpx.AsyncClient, given: str, meant: str
) -> None:
    answer = await writer.post(TASKS, json={**TASK, given: "x"})
    batch = await writer.post(f"{TASKS}/batch", json={"requests": [TASK, {**TASK, given: "x"}]})

    for refused, field in ((answer, f"body.{given}"), (batch, f"body.requests.1.{given}")):
        problem = refused.json()
        assert (refused.status_code, problem["field"], problem["value"]) == (422, field, "x")
        assert f"{meant} is meant" in problem["allowed"]
        assert list(problem["example"]) == [meant]
    assert (await reader.get(TASKS)).json()["tasks"] == []


@pytest.mark.parametrize(
    ("path", "body", "given", "meant"),
    [
        ("/cancel", {}, "reasons", "reason"),
        ("/defer", {"until": "2090-01-01T00:00:00Z", "reason": "later"}, "thought", "thought_id"),
        ("/run", {}, "priority", None),
    ],
)
async def test_an_act_with_an_unknown_field_is_not_done(
    writer: httpx.AsyncClient, path: str, body: dict[str, Any], given: str, meant: str | None
) -> None:
    made = (await writer.post(TASKS, json=TASK)).json()
    answer = await writer.post(f"{TASKS}/{made['task_id']}{path}", json={**body, given: "x"})
    stands = (await writer.get(f"{TASKS}/{made['task_id']}")).json()

    assert answer.status_code == 422
    assert meant is None or f"{meant} is meant" in answer.json()["allowed"]
    assert (stands["fence"], stands["status"]) == (made["fence"], "PENDING")


async def test_an_unknown_query_parameter_is_told_the_one_meant(reader: httpx.AsyncClient) -> None:
    for path, given, meant in (
        (f"{TASKS}?statuses=PENDING", "statuses", "status"),
        ("/v1/scheduler/preview?expression=0+9+*+*+*&time_zone=UTC", "time_zone", "timezone"),
        ("/v1/telemetry/task-scheduler/analytics?Period=7d", "Period", "period"),
        ("/v1/scheduler/events?kind=task_created", "kind", "kinds"),
    ):
        problem = (await reader.get(path)).json()

        assert (problem["status"], problem["field"], problem["value"]) == (422, "query", given)
        assert f"{meant} is meant" in problem["allowed"]
        assert problem["example"] == meant


async def test_a_socket_with_an_unknown_parameter_is_closed(
    address: str, clients: dict[str, httpx.AsyncClient]
) -> None:
    head = {"Authorization": clients["read"].headers["Authorization"]}
    url = f"{address.replace('http', 'ws')}/v1/scheduler/events/ws?task=task_1"
    async with asyncio.timeout(30), connect(url, additional_headers=head) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    assert "task" in closed.value.rcvd.reason


def test_the_document_says_that_nothing_else_is_taken() -> None:
    document = application(TaskSchedulerService()).openapi()
    schemas = document["components"]["schemas"]
    bodies = [
        each["requestBody"]["content"]["application/json"]["schema"]
        for item in document["paths"].values()
        for each in item.values()
        if "requestBody" in each
    ]

    assert len(bodies) > 5
    for body in bodies:
        reference = (body.get("$ref") or body["anyOf"][0]["$ref"]).rpartition("/")[2]
        assert schemas[reference]["additionalProperties"] is False
    assert schemas["ScheduleRequest"]["additionalProperties"] is False


@pytest.mark.parametrize(("given", "meant"), MEANT)
def test_a_request_in_python_names_the_field_meant(given: str, meant: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ScheduleRequest(**TASK, **{given: "x"})

    assert (refused.value.field, refused.value.example) == (given, meant)


async def test_a_service_call_with_an_unknown_choice_writes_nothing() -> None:
    async with TaskSchedulerService(":memory:") as service:
        with pytest.raises(InvalidInput, match="timezone is meant"):
            await service.schedule_task(**TASK, time_zone="Europe/Berlin")

        assert await service.get_scheduled_tasks() == []


def test_the_control_channel_names_the_field_meant() -> None:
    (method,) = [each for each in catalog.OPERATIONS if each.name == "schedule_tasks"]
    with pytest.raises(ValidationError) as refused:
        method.params.model_validate({"requests": [{**TASK, "time_zone": "UTC"}]})

    told = to_invalid_input(refused.value.errors(), method.params)
    assert (told.field, list(told.example)) == ("requests.0.time_zone", ["timezone"])
    assert told.allowed.startswith("no such field: timezone is meant")


async def test_a_frame_with_an_unknown_member_is_not_obeyed() -> None:
    async with TaskSchedulerService(":memory:") as service:
        control = ControlServer(service, "token")
        at = await control.start()
        beacon = ConnectionFile(pid=1, host="127.0.0.1", control_socket=at.path, control_port=at.port, token="token")
        remote = await RemoteScheduler.connect(beacon)
        assert remote is not None
        remote._writer.write(json.dumps({"id": 1, "method": "find_tasks", "param": {"limit": 1}}).encode() + b"\n")
        answer = json.loads(await remote._reader.readline())
        await remote.close()
        await control.stop()

    assert answer["error"]["code"] == protocol.INVALID_REQUEST
    assert "params is meant" in answer["error"]["message"]


@pytest.mark.parametrize("moment", [1_900_000_000, 1_900_000_000.5, True, {"at": 5}])
async def test_a_moment_that_is_no_text_is_refused(writer: httpx.AsyncClient, moment: Any) -> None:
    answer = await writer.post(TASKS, json={**TASK, "defer_until": moment})

    assert (answer.status_code, answer.json()["field"]) == (422, "body.defer_until")
    assert "ISO-8601" in answer.json()["allowed"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{TASKS}/ID/defer", None),
        ("POST", f"{TASKS}/ID/defer", b"{"),
        ("POST", f"{TASKS}/batch", []),
        ("POST", f"{TASKS}/deferred", "text"),
    ],
)
async def test_the_example_of_a_body_is_one_of_that_route(
    writer: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    made = (await writer.post(TASKS, json=TASK)).json()["task_id"]
    path = path.replace("ID", made)
    sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
    refused = await writer.request(method, path, headers={"Content-Type": "application/json"}, **sent)
    again = await writer.request(method, path, json=refused.json()["example"])

    assert refused.status_code == 422
    assert again.status_code < 300, again.text


async def test_the_example_of_a_cursor_is_one_of_that_route(reader: httpx.AsyncClient) -> None:
    for path in ("executions", "audit", "tasks"):
        refused = await reader.get(f"/v1/scheduler/{path}", params={"cursor": "!"})
        again = await reader.get(f"/v1/scheduler/{path}", params={"cursor": refused.json()["example"]})

        assert (refused.status_code, again.status_code) == (422, 200)


def test_a_name_like_no_other_is_not_guessed() -> None:
    assert nearest("colour", ["name", "timezone"]) is None
    assert nearest("x", []) is None


async def test_a_problem_shows_no_control_character(writer: httpx.AsyncClient) -> None:
    evil = "\x1b]52;c;aGk=\x07\x9b\u202e\n"
    for answer in (
        await writer.post(TASKS, json={**TASK, evil: evil}),
        await writer.post(TASKS, json={**TASK, "name": evil}),
        await writer.get(TASKS, params={evil: evil}),
        await writer.get(f"{TASKS}/x%1b%5d52"),
        await writer.get("/v1/x%1b%5d52%c2%9b"),
    ):
        assert answer.status_code in {404, 422}
        assert answer.text.isprintable(), answer.text
