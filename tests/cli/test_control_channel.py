"""The control channel: the same answers as at home, to those who know the token, and nothing else to anybody."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import InvalidInput, ScheduleRequest, TaskEnded, TaskNotFound, TaskSchedulerService
from remembrancer.errors import GraphUnavailable
from remembrancer.ports.task_store import Wanted
from remembrancer.surfaces import wire
from remembrancer.surfaces.beacon import Beacon
from remembrancer.surfaces.control import ControlServer
from remembrancer.surfaces.remote import RemoteScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKEN = "open sesame"
REPORT = ScheduleRequest(
    "Report", "Keep Ada informed", "Write it", "thought_1", schedule_cron="0 9 * * *", context={"to": ["Ada"]}
)


@asynccontextmanager
async def opened(token: str = TOKEN) -> AsyncIterator[tuple[TaskSchedulerService, RemoteScheduler | None, int]]:
    """A service, somebody who asks it over the channel, and the channel's port."""
    service = TaskSchedulerService(":memory:")
    await service.open()
    control = ControlServer(service, TOKEN)
    port = await control.start()
    remote = await RemoteScheduler.connect(Beacon(pid=1, host="127.0.0.1", control_port=port, token=token))
    try:
        yield service, remote, port
    finally:
        if remote:
            await remote.close()
        await control.stop()
        await service.close()


async def say(port: int, *frames: dict[str, Any] | bytes) -> list[dict[str, Any]]:
    """Send frames as they are; return what was answered before the other side hung up, or to all of them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers: list[dict[str, Any]] = []
    for frame in frames:
        writer.write(frame if isinstance(frame, bytes) else json.dumps(frame).encode() + b"\n")
        answer = await reader.readline()
        if not answer:
            break
        answers.append(json.loads(answer))
    writer.close()
    await writer.wait_closed()
    return answers


def admission(token: str = TOKEN) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 0, "method": "authenticate", "params": {"token": token}}


async def test_the_answers_are_those_of_the_service_itself() -> None:
    async with opened() as (service, remote, _):
        assert remote is not None
        (reply,) = await remote.schedule_tasks([REPORT])
        deferred = await remote.defer_task(reply.task_id, "2090-01-01T00:00:00Z", "Ada is away")

        assert await remote.get_task(reply.task_id) == await service.get_task(reply.task_id)
        assert await remote.find_tasks(Wanted()) == await service.find_tasks(Wanted())
        assert await remote.history() == await service.history() == []
        assert deferred.deferral_count == 1
        assert (await remote.get_status()).active_tasks == 1
        assert await remote.cypher(
            "MATCH (t:scheduled_task) WHERE t.name = $name RETURN t.name AS name", {"name": "Report"}
        ) == [{"name": "Report"}]
        assert [await remote.cancel_task(reply.task_id), await remote.cancel_task(reply.task_id)] == [True, False]


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

        assert await service.find_tasks(Wanted()) == []


async def test_without_the_token_nothing_is_answered() -> None:
    async with opened("guess") as (_, remote, port):
        asked = {"jsonrpc": "2.0", "id": 1, "method": "find_tasks", "params": {}}

        assert remote is None
        for first in (asked, admission("guess"), admission(""), b"\n", b"GET / HTTP/1.1\r\n", b'{"id": "x"}\n'):
            (answer,) = await say(port, first, asked)
            assert answer["error"]["code"] == wire.NOT_ADMITTED


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"not json\n", wire.PARSE_ERROR),
        (b"[]\n", wire.PARSE_ERROR),
        ({"id": 1}, wire.INVALID_REQUEST),
        ({"id": 1, "method": "stop"}, wire.NO_METHOD),
        ({"id": 1, "method": "__class__"}, wire.NO_METHOD),
        ({"id": 1, "method": "get_task", "params": {}}, wire.INVALID_PARAMS),
        ({"id": 1, "method": "get_task", "params": ["x"]}, wire.INVALID_PARAMS),
        ({"id": 1, "method": "history", "params": {"limit": 1, "more": 2}}, wire.INVALID_PARAMS),
    ],
)
async def test_a_frame_that_makes_no_sense_is_refused_and_the_talk_goes_on(
    frame: dict[str, Any] | bytes, code: int
) -> None:
    async with opened() as (_, _remote, port):
        _, refused, answered = await say(port, admission(), frame, {"id": 2, "method": "find_tasks", "params": {}})

        assert refused["error"]["code"] == code
        assert (answered["id"], answered["result"]) == (2, [])


async def test_what_is_larger_than_a_frame_is_refused_with_a_way_out() -> None:
    async with opened() as (_, remote, _port):
        assert remote is not None
        with pytest.raises(GraphUnavailable, match="LIMIT"):
            await remote.cypher(f"RETURN '{'x' * wire.MAX_FRAME}' AS text")


async def test_a_channel_that_stopped_is_found_to_be_stale() -> None:
    async with opened() as (_, _remote, port):
        pass

    assert await RemoteScheduler.connect(Beacon(pid=1, host="127.0.0.1", control_port=port, token=TOKEN)) is None
