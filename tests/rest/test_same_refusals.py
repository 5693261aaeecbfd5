"""Refusals of parameters: the API and the control channel answer alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import InvalidInput
from remembrancer.surfaces.control.client import RemoteScheduler
from remembrancer.surfaces.control.connection_file import ConnectionFile
from remembrancer.surfaces.control.server import ControlServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from remembrancer import TaskSchedulerService

TASK = {
    "name": "Tea",
    "goal_description": "goal",
    "trigger_prompt": "prompt",
    "origin_thought_id": "thought",
    "schedule_cron": "0 9 * * *",
}
WRONG: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a missing field": ("cypher", "cypher", {}),
    "a number for text": ("cypher", "cypher", {"query": 5}),
    "an unknown field": ("cypher", "cypher", {"query": "RETURN 1 AS x", "parameter": {}}),
    "an unknown and a wrong field": ("cypher", "cypher", {"query": 5, "parameter": {}}),
    "a wrong choice": ("schedule_tasks", "tasks/batch", {"requests": [{**TASK, "misfire": "never"}]}),
    "a number beyond its bounds": ("schedule_tasks", "tasks/batch", {"requests": [{**TASK, "max_attempts": "x"}]}),
    "an unknown field of a task": ("schedule_tasks", "tasks/batch", {"requests": [TASK, {**TASK, "tz": "UTC"}]}),
    "a missing field of a task": ("schedule_tasks", "tasks/batch", {"requests": [{"name": "Tea"}]}),
    "a field like no other": ("schedule_tasks", "tasks/batch", {"requests": [{**TASK, "colour": "red"}]}),
}


@pytest.fixture
async def remote(started: TaskSchedulerService) -> AsyncIterator[RemoteScheduler]:
    control = ControlServer(started, "token")
    at = await control.start()
    beacon = ConnectionFile(pid=1, host="127.0.0.1", control_socket=at.path, control_port=at.port, token="token")
    made = await RemoteScheduler.connect(beacon)
    assert made is not None
    yield made
    await made.close()
    await control.stop()


@pytest.mark.parametrize(("method", "path", "given"), WRONG.values(), ids=WRONG)
async def test_the_api_and_the_control_channel_refuse_alike(
    clients: dict[str, httpx.AsyncClient], remote: RemoteScheduler, method: str, path: str, given: dict[str, Any]
) -> None:
    problem = (await clients["admin"].post(f"/v1/scheduler/{path}", json=given)).json()
    answer = await remote._exchange(method, given)
    error = answer["error"]
    assert isinstance(error, dict)
    told: dict[str, Any] = error["data"]["fields"]

    assert (problem["status"], error["data"]["type"]) == (422, InvalidInput.__name__)
    assert problem["field"].removeprefix("body.") == told["field"]
    assert [problem[name] for name in ("value", "allowed", "example")] == [
        told[name] for name in ("value", "allowed", "example")
    ]
