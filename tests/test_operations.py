"""The table of operations: the service has each, and every surface offers each."""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import httpx
import pytest

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.errors import GraphUnavailable, InvalidInput
from remembrancer.model.token import Scope
from remembrancer.operations import catalog, parameters
from remembrancer.operations.operation import AnyOperation, Effect, Http, Operation, Params
from remembrancer.surfaces.control.client import RemoteScheduler
from remembrancer.surfaces.control.connection_file import ConnectionFile
from remembrancer.surfaces.control.server import ControlServer
from remembrancer.surfaces.rest.app import application

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OWN_CALL = [each for each in catalog.OPERATIONS if getattr(each, "call", None) is None]


class CountTasks(Params):
    """The name that the tasks have."""

    name: str
    at_least: int = 0


async def count_tasks(service: object, params: CountTasks) -> int:
    assert isinstance(service, TaskSchedulerService)
    found = [task for task in await service.find_tasks() if task.name == params.name]
    return max(len(found), params.at_least)


COUNT_TASKS = Operation(
    name="count_tasks",
    summary="Return the number of tasks of a name.",
    params=CountTasks,
    result=int,
    scope=Scope.READ,
    effect=Effect.READS,
    http=(Http(verb="GET", path="/scheduler/counts/{name}"),),
    call=count_tasks,
)


@asynccontextmanager
async def remote_of(service: TaskSchedulerService) -> AsyncIterator[RemoteScheduler]:
    control = ControlServer(service, "token")
    at = await control.start()
    beacon = ConnectionFile(pid=1, host="127.0.0.1", control_socket=at.path, control_port=at.port, token="token")
    remote = await RemoteScheduler.connect(beacon)
    assert remote is not None
    try:
        yield remote
    finally:
        await remote.close()
        await control.stop()


@pytest.fixture
async def service() -> AsyncIterator[TaskSchedulerService]:
    async with TaskSchedulerService(":memory:") as running:
        yield running


def test_no_two_operations_share_a_name_or_a_route() -> None:
    names = [each.name for each in catalog.OPERATIONS]
    routes = [(http.verb, http.path) for each in catalog.OPERATIONS for http in each.http]

    assert len(names) == len(set(names))
    assert len(routes) == len(set(routes))


@pytest.mark.parametrize("operation", OWN_CALL, ids=lambda each: each.name)
def test_the_service_has_the_method_of_an_operation(operation: AnyOperation) -> None:
    method = attrgetter(operation.method_name)(TaskSchedulerService())
    taken = inspect.signature(method).parameters
    fields = operation.params.model_fields

    assert list(taken) == list(fields)
    for name, each in taken.items():
        field = fields[name]
        assert (each.default is inspect.Parameter.empty) == field.is_required(), name
        assert field.is_required() or each.default == field.default or (not each.default and not field.default), name


@pytest.mark.parametrize("operation", catalog.OPERATIONS, ids=lambda each: each.name)
def test_an_operation_says_what_it_is_for(operation: AnyOperation) -> None:
    assert operation.summary.endswith(".")
    for http in operation.http:
        assert set(http.placeholders) <= operation.params.model_fields.keys()
        assert set(http.names) <= operation.params.model_fields.keys()
        assert (http.verb == "GET") <= (operation.effect is Effect.READS)


async def test_an_operation_added_to_the_table_is_everywhere(
    service: TaskSchedulerService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "OPERATIONS", (*catalog.OPERATIONS, COUNT_TASKS))
    await service.schedule_tasks([ScheduleRequest("Tea", "g", "p", "t", schedule_cron="0 9 * * *")] * 2)
    token = (await service.create_token("reader", "read")).token
    app = application(service)
    path = "/v1/scheduler/counts/{name}"
    async with (
        remote_of(service) as remote,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client,
    ):
        refused = await client.get(path.format(name="Tea"))
        client.headers["Authorization"] = f"Bearer {token}"
        over_http = [(await client.get(path.format(name="Tea"), params=more)).json() for more in ({}, {"at_least": 5})]
        misspelt = await client.get(path.format(name="Tea"), params={"at_most": 5})
        called = await remote.call(COUNT_TASKS, CountTasks(name="Tea"))
        by_name = await remote.count_tasks("Tea", at_least=3)

    assert (called, by_name, over_http) == (2, 3, [2, 5])
    assert (refused.status_code, misspelt.status_code) == (401, 422)
    assert "count_tasks" in service.get_capabilities().actions
    described = app.openapi()["paths"][path]["get"]
    assert described["description"] == COUNT_TASKS.summary
    assert [each["name"] for each in described["parameters"]] == ["name", "at_least"]


async def test_the_channel_carries_what_the_service_answers(service: TaskSchedulerService) -> None:
    (made,) = await service.schedule_tasks([ScheduleRequest("Tea", "g", "p", "t", schedule_cron="0 9 * * *")])
    run = await service.run_now(made.task_id)
    await service.idle()
    async with remote_of(service) as remote:
        for name, given in (
            ("get_scheduled_tasks", ()),
            ("page_of_tasks", ()),
            ("get_execution", (run.execution_id,)),
            ("timeline", (made.task_id,)),
            ("preview", ("0 9 * * *", "UTC", "2027-01-01T00:00:00Z")),
        ):
            assert await getattr(remote, name)(*given) == await getattr(service, name)(*given), name
        assert await remote.get_capabilities() == service.get_capabilities()
        assert await remote.is_healthy()


async def test_the_client_refuses_what_no_operation_takes(service: TaskSchedulerService) -> None:
    async with remote_of(service) as remote:
        with pytest.raises(AttributeError):
            _ = remote.recover
        with pytest.raises(InvalidInput, match="task_id is meant"):
            await remote.get_task(task="task_1")
        with pytest.raises(TypeError, match="given twice"):
            await remote.get_task("task_1", task_id="task_2")
        with pytest.raises(TypeError, match="1 arguments"):
            await remote.get_task("task_1", "task_2")
        with pytest.raises(GraphUnavailable, match="no method"):
            await remote.call(COUNT_TASKS, CountTasks(name="Tea"))


WRONG = [
    ("get_task", {"task_id": 5}),
    ("history", {"limit": True}),
    ("history", {"limit": "5"}),
    ("run_now", {"task_id": "task_1", "fence": True}),
    ("cancel", {"task_id": "task_1", "fence": "3"}),
    ("find_tasks", {"recurring": 1}),
    ("read_events", {"wait_seconds": "0"}),
    ("prune", {"keep_days": "90"}),
    ("schedule_tasks", {"requests": None}),
    ("preview", {"expression": None}),
]


@pytest.mark.parametrize(("method", "given"), WRONG, ids=str)
async def test_the_client_refuses_what_the_service_refuses(
    service: TaskSchedulerService, method: str, given: dict[str, object]
) -> None:
    async with remote_of(service) as remote:
        with pytest.raises(InvalidInput) as at_the_service:
            await getattr(service, method)(**given)
        with pytest.raises(InvalidInput) as at_the_client:
            await getattr(remote, method)(**given)

    assert at_the_client.value.field == at_the_service.value.field


async def test_a_newer_client_reads_the_refusal_of_a_parameter(service: TaskSchedulerService) -> None:
    class NewerRun(parameters.OneTask):
        times: int

    newer = Operation(name="run_now", summary=".", params=NewerRun, result=int)
    async with remote_of(service) as remote:
        with pytest.raises(InvalidInput) as refused:
            await remote.call(newer, NewerRun(task_id="task_1", times=2))

    assert (refused.value.field, refused.value.value) == ("times", 2)


async def test_the_client_takes_the_times_that_the_service_takes(service: TaskSchedulerService) -> None:
    until = datetime(2099, 1, 1, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    (made,) = await service.schedule_tasks([ScheduleRequest("Tea", "g", "p", "t", schedule_cron="0 9 * * *")])
    async with remote_of(service) as remote:
        await remote.defer_task(made.task_id, until, "later")
        found = await remote.audit_entries(since=until)

    assert (await service.get_task(made.task_id)).defer_until == until
    assert found == []
