"""The control channel: the same answers as at home, to those who know the token, and nothing else to anybody."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import InvalidInput, ScheduleRequest, TaskEnded, TaskNotFound, TaskSchedulerService
from remembrancer.errors import GraphUnavailable
from remembrancer.surfaces.control import protocol
from remembrancer.surfaces.control.client import RemoteScheduler
from remembrancer.surfaces.control.connection_file import ConnectionFile
from remembrancer.surfaces.control.handshake import NOT_ADMITTED
from remembrancer.surfaces.control.server import ControlServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKEN = "open sesame"
REPORT = ScheduleRequest(
    "Report", "Keep Ada informed", "Write it", "thought_1", schedule_cron="0 9 * * *", context={"to": ["Ada"]}
)


@asynccontextmanager
async def opened(
    token: str = TOKEN,
) -> AsyncIterator[tuple[TaskSchedulerService, RemoteScheduler | None, ConnectionFile]]:
    """A service, a client on its channel, and the channel's address with the right secret."""
    service = TaskSchedulerService(":memory:")
    await service.open()
    control = ControlServer(service, TOKEN)
    at = await control.start()
    beacon = ConnectionFile(pid=1, host="127.0.0.1", control_socket=at.path, control_port=at.port, token=TOKEN)
    remote = await RemoteScheduler.connect(beacon.model_copy(update={"token": token}))
    try:
        yield service, remote, beacon
    finally:
        if remote:
            await remote.close()
        await control.stop()
        await service.close()


async def say(beacon: ConnectionFile, *frames: dict[str, Any] | bytes) -> list[dict[str, Any]]:
    """Send frames as they are, once admitted; return what was answered to each."""
    remote = await RemoteScheduler.connect(beacon)
    assert remote is not None
    answers: list[dict[str, Any]] = []
    for frame in frames:
        remote._writer.write(frame if isinstance(frame, bytes) else json.dumps(frame).encode() + b"\n")
        answers.append(json.loads(await remote._reader.readline()))
    await remote.close()
    return answers


async def say_unadmitted(beacon: ConnectionFile, *frames: dict[str, Any] | bytes) -> list[dict[str, Any]]:
    """Send frames as they are; return what was answered before the other side hung up."""
    reader, writer = await asyncio.open_unix_connection(str(beacon.control_socket))
    for frame in frames:
        writer.write(frame if isinstance(frame, bytes) else json.dumps(frame).encode() + b"\n")
    answers = [json.loads(line) for line in (await reader.read()).splitlines()]
    writer.close()
    await writer.wait_closed()
    return answers


async def test_the_answers_are_those_of_the_service_itself() -> None:
    async with opened() as (service, remote, _):
        assert remote is not None
        (reply,) = await remote.schedule_tasks([REPORT])
        deferred = await remote.defer_task(reply.task_id, "2090-01-01T00:00:00Z", "Ada is away")

        assert await remote.get_task(reply.task_id) == await service.get_task(reply.task_id)
        assert await remote.find_tasks() == await service.find_tasks()
        assert await remote.history() == await service.history() == []
        assert deferred.deferral_count == 1
        assert (await remote.get_status()).active_tasks == 1
        assert await remote.cypher(
            "MATCH (t:scheduled_task) WHERE t.name = $name RETURN t.name AS name", {"name": "Report"}
        ) == [{"name": "Report"}]
        assert [(await remote.cancel(reply.task_id)).ended for _ in range(2)] == [True, False]


async def test_errors_arrive_as_what_they_were() -> None:
    async with opened() as (service, remote, _):
        assert remote is not None
        (reply,) = await service.schedule_tasks([REPORT])
        await service.cancel_task(reply.task_id)

        with pytest.raises(TaskNotFound) as unknown:
            await remote.get_task("task_of_nobody")
        with pytest.raises(InvalidInput) as refused:
            await remote.schedule_tasks([ScheduleRequest("X", "X", "X", "t", schedule_cron="61 * * * *")])
        with pytest.raises(TaskEnded) as ended:
            await remote.defer_task(reply.task_id, "2090-01-01T00:00:00Z", "late")

        assert unknown.value.task_id == "task_of_nobody"
        assert (refused.value.field, refused.value.value) == ("schedule_cron", "61 * * * *")
        assert (ended.value.status, "Report" in str(ended.value) or reply.task_id in str(ended.value)) == (
            "CANCELLED",
            True,
        )


async def test_one_bad_request_of_many_leaves_nothing_behind() -> None:
    async with opened() as (service, remote, _):
        assert remote is not None
        with pytest.raises(InvalidInput):
            await remote.schedule_tasks([REPORT, ScheduleRequest("X", "X", "X", "t")])

        assert await service.find_tasks() == []


async def test_without_the_token_nothing_is_answered() -> None:
    async with opened("guess") as (_, remote, beacon):
        asked = {"jsonrpc": "2.0", "id": 1, "method": "find_tasks", "params": {}}
        told = {"jsonrpc": "2.0", "id": 0, "method": "authenticate", "params": {"token": TOKEN}}

        assert remote is None
        for first in (asked, told, b"\n", b"GET / HTTP/1.1\r\n", b'{"nonce": "x"}\n', b'{"proof": ""}\n'):
            (answer,) = await say_unadmitted(beacon, first)
            assert answer["error"]["code"] == NOT_ADMITTED


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"not json\n", protocol.PARSE_ERROR),
        (b"[]\n", protocol.PARSE_ERROR),
        (b'{"id": 1, "method": "prune", "params": {"keep_days": NaN}}\n', protocol.PARSE_ERROR),
        (b'{"id": 1, "method": "prune", "params": {"keep_days": -Infinity}}\n', protocol.PARSE_ERROR),
        (b'{"id": 1, "method": "prune", "params": {"keep_days": 1e999}}\n', protocol.PARSE_ERROR),
        ({"jsonrpc": "1.0", "id": 1, "method": "find_tasks"}, protocol.INVALID_REQUEST),
        ({"jsonrpc": 2.0, "id": 1, "method": "find_tasks"}, protocol.INVALID_REQUEST),
        ({"id": 1}, protocol.INVALID_REQUEST),
        ({"id": 1, "method": "stop"}, protocol.NO_METHOD),
        ({"id": 1, "method": "__class__"}, protocol.NO_METHOD),
        ({"id": 1, "method": "get_task", "params": {}}, protocol.INVALID_PARAMS),
        ({"id": 1, "method": "get_task", "params": ["x"]}, protocol.INVALID_PARAMS),
        ({"id": 1, "method": "history", "params": {"limit": 1, "more": 2}}, protocol.INVALID_PARAMS),
    ],
)
async def test_a_senseless_frame_is_refused_and_the_talk_goes_on(frame: dict[str, Any] | bytes, code: int) -> None:
    async with opened() as (_, _remote, beacon):
        refused, answered = await say(beacon, frame, {"id": 2, "method": "find_tasks", "params": {}})

        assert refused["error"]["code"] == code
        assert (answered["id"], answered["result"]) == (2, [])


@pytest.mark.parametrize(
    ("call", "given"),
    [
        ("get_task", {"task_id": b"task_1"}),
        ("find_tasks", {"statuses": [b"PENDING"]}),
        ("cypher", {"query": b"RETURN 1 AS one"}),
        ("defer_task", {"task_id": "task_1", "until": "2090-01-01T00:00:00Z", "reason": bytearray(b"late")}),
    ],
)
async def test_the_client_refuses_bytes_in_place_of_text(call: str, given: dict[str, Any]) -> None:
    async with opened() as (service, remote, _):
        assert remote is not None
        with pytest.raises(InvalidInput) as refused:
            await getattr(remote, call)(**given)
        with pytest.raises(InvalidInput) as at_home:
            await getattr(service, call)(**given)

        assert refused.value.allowed == "text, not bytes"
        assert refused.value.field in given
        assert at_home.value.field.split(".")[0] == refused.value.field


async def test_the_client_refuses_bytes_that_json_cannot_carry() -> None:
    async with opened() as (_, remote, _beacon):
        assert remote is not None
        with pytest.raises(InvalidInput, match="text, not bytes"):
            await remote.cypher("RETURN $x AS x", {"x": [b"x"]})


async def test_what_is_larger_than_a_frame_is_refused_with_a_way_out() -> None:
    async with opened() as (_, remote, _beacon):
        assert remote is not None
        with pytest.raises(GraphUnavailable, match="LIMIT"):
            await remote.cypher(f"RETURN '{'x' * protocol.MAX_FRAME}' AS text")


async def test_a_channel_that_stopped_is_found_to_be_stale() -> None:
    async with opened() as (_, _remote, beacon):
        pass

    assert await RemoteScheduler.connect(beacon) is None
