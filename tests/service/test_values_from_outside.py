"""Values from outside, in Python and over the control channel: refused by name, not by an error of Python itself."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import InvalidInput, ScheduleRequest, SchedulerOptions, TaskSchedulerService
from remembrancer.surfaces.control import protocol
from remembrancer.surfaces.control.client import RemoteScheduler
from remembrancer.surfaces.control.connection_file import ConnectionFile
from remembrancer.surfaces.control.server import ControlServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from remembrancer import Firing

GOOD: Mapping[str, Any] = {
    "name": "Report",
    "goal_description": "Send the report",
    "trigger_prompt": "Write the report",
    "origin_thought_id": "thought_1",
    "schedule_cron": "0 9 * * *",
}
TOKEN = "open sesame"


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def endless() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = [value, value]
    return value


CONTEXTS = [
    *(nested(33), nested(300), nested(1200), nested(50_000), endless()),
    *({"a": value} for value in (float("nan"), float("inf"), 2**63, 10**5000, "\ud800", "\0", {"\ud800": 1})),
    {"a": [1] * 200_000},
]


@pytest.fixture
async def service() -> AsyncIterator[TaskSchedulerService]:
    options = SchedulerOptions(query_bytes=64 * 1024 * 1024, query_seconds=60)
    async with TaskSchedulerService(":memory:", options=options) as running:
        yield running


@pytest.fixture
async def remote(service: TaskSchedulerService) -> AsyncIterator[RemoteScheduler]:
    control = ControlServer(service, TOKEN)
    at = await control.start()
    beacon = ConnectionFile(pid=1, host="127.0.0.1", control_socket=at.path, control_port=at.port, token=TOKEN)
    connected = await RemoteScheduler.connect(beacon)
    assert connected
    yield connected
    await connected.close()
    await control.stop()


async def test_an_odd_context_is_refused_in_python(service: TaskSchedulerService) -> None:
    for context in CONTEXTS:
        with pytest.raises(InvalidInput) as refused:
            await service.schedule_task(**GOOD, context=context)
        with pytest.raises(InvalidInput):
            await service.schedule_deferred_task("thought", "task", "2090-01-01T00:00:00Z", "reason", context)

        assert refused.value.field == "context"
    assert await service.get_scheduled_tasks() == []


async def test_an_odd_context_is_refused_over_the_channel(remote: RemoteScheduler) -> None:
    for context in CONTEXTS:
        with pytest.raises(InvalidInput) as refused:
            await remote.schedule_tasks([ScheduleRequest(**GOOD, context=context)])

        assert refused.value.field == "context"
    assert await remote.find_tasks() == []


@pytest.mark.parametrize("field", ["misfire_grace_seconds", "timeout_seconds", "misfire_limit", "max_attempts"])
async def test_a_number_beyond_all_bounds_is_refused(service: TaskSchedulerService, field: str) -> None:
    for number in (10**400, -(10**400), 10**5000, float("nan"), float("-inf")):
        with pytest.raises(InvalidInput) as refused:
            await service.schedule_task(**{**GOOD, field: number})

        assert refused.value.field == field


@pytest.mark.parametrize("field", ["name", "trigger_prompt", "gap", "misfire", "timezone", "schedule_cron"])
async def test_a_deep_value_is_refused_for_any_field(service: TaskSchedulerService, field: str) -> None:
    for value in (nested(5000), endless()):
        with pytest.raises(InvalidInput) as refused:
            await service.schedule_task(**{**GOOD, field: value})

        assert refused.value.field == field


async def test_a_question_has_the_bounds_too(service: TaskSchedulerService, remote: RemoteScheduler) -> None:
    for asks in (service, remote):
        with pytest.raises(InvalidInput, match="query"):
            await asks.cypher("RETURN '\ud800' AS x")
    for value in (nested(900), float("nan"), 2**64, "\udfff"):
        with pytest.raises(InvalidInput, match="parameters"):
            await service.cypher("RETURN $x AS x", {"x": value})


async def test_a_frame_nested_too_deep_ends_no_talk(remote: RemoteScheduler) -> None:
    reader, writer = remote._reader, remote._writer
    deep = b'{"id":2,"method":"find_tasks","params":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}\n"
    writer.write(deep + b'{"id":3,"method":"find_tasks","params":{}}\n')
    refused, answered = [json.loads(await reader.readline()) for _ in range(2)]

    assert (refused["error"]["code"], "levels deep" in refused["error"]["message"]) == (protocol.PARSE_ERROR, True)
    assert answered["result"] == []


async def test_a_list_longer_than_a_frame_comes_in_parts(
    service: TaskSchedulerService, remote: RemoteScheduler
) -> None:
    large = {"text": "x" * 60_000}
    await service.schedule_tasks([ScheduleRequest(**GOOD, context=large) for _ in range(300)])
    found = await remote.find_tasks()
    rows = await remote.cypher("MATCH (t:scheduled_task) RETURN t.task_id AS id, t.context AS context")

    assert len(found) * 60_000 > protocol.MAX_FRAME
    assert found == await service.find_tasks()
    assert {row["id"] for row in rows} == {task.task_id for task in found}
    assert len(await remote.find_tasks(limit=1)) == 1


async def test_a_progress_beyond_all_bounds_is_refused() -> None:
    refused: asyncio.Queue[str] = asyncio.Queue()

    async def handle(firing: Firing) -> None:
        for fraction in (10**400, float("nan"), float("inf"), -1):
            with pytest.raises(InvalidInput) as error:
                firing.progress(fraction)
            await refused.put(error.value.field)

    async with TaskSchedulerService(":memory:", handler=handle) as service, asyncio.timeout(60):
        task = await service.schedule_task(**GOOD)
        await service.run_now(task.task_id)
        assert [await refused.get() for _ in range(4)] == ["fraction"] * 4
