"""The live stream over a real server: server-sent events and a WebSocket carry the same, and go on without a gap."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from remembrancer import ScheduleRequest
from remembrancer.surfaces.rest import event_streams
from remembrancer.surfaces.rest.server import RestServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import TaskSchedulerService
    from remembrancer.model.event import Event

EVENTS = "/v1/scheduler/events"
PATIENCE = 120.0

Clients = dict[str, httpx.AsyncClient]


async def stream(client: httpx.AsyncClient, **asked: Any) -> AsyncIterator[dict[str, str]]:
    """Yield what a server-sent stream sends: each block's fields."""
    async with client.stream("GET", EVENTS, **asked) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        block: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if not line:
                yield block
                block = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                block[name] = value


async def begun(client: httpx.AsyncClient) -> int:
    """Return what a stream is answered with; it is not read."""
    async with client.stream("GET", EVENTS) as answer:
        return answer.status_code


async def told(client: httpx.AsyncClient, count: int, **asked: Any) -> list[dict[str, Any]]:
    """Return the first events that a stream tells."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE), aclosing(stream(client, **asked)) as blocks:
        async for block in blocks:
            if "data" in block:
                events.append(json.loads(block["data"]))
                assert (block["event"], block["id"]) == (events[-1]["kind"], events[-1]["cursor"])
            if len(events) == count:
                break
    return events


async def heard(clients: Clients, count: int, query: str = "", **asked: Any) -> list[dict[str, Any]]:
    """Return the first events that a WebSocket tells."""
    async with asyncio.timeout(PATIENCE), connect(f"{socket_of(clients)}{query}", **asked) as socket:
        return [json.loads(await socket.recv()) for _ in range(count)]


def socket_of(clients: Clients) -> str:
    return f"{clients['read'].base_url}".replace("http", "ws", 1).rstrip("/") + f"{EVENTS}/ws"


def shown(clients: Clients) -> dict[str, str]:
    return {"Authorization": clients["read"].headers["authorization"]}


def token_of(client: httpx.AsyncClient) -> str:
    return client.headers["authorization"].removeprefix("Bearer ")


async def fire(service: TaskSchedulerService, name: str = "Tea") -> str:
    """Have a task run; four events."""
    task = await service.schedule_task(name, "goal", "prompt", "thought", datetime.now(UTC))
    async with asyncio.timeout(PATIENCE):
        async for event in service.events("0", task_id=task.task_id):
            if event.kind == "task_ended":
                return task.task_id
    pytest.fail("the stream ended before the task")


async def test_both_streams_tell_the_same_and_what_the_service_tells(
    started: TaskSchedulerService, clients: Clients
) -> None:
    await fire(started)
    await fire(started, "bad")
    by_sse = await told(clients["read"], 9, params={"after": "0"})
    by_socket = await heard(clients, 9, "?after=0", additional_headers=shown(clients))
    page = await started.read_events("0")

    assert by_sse == by_socket == [json.loads(event.model_dump_json(exclude_none=True)) for event in page.events]
    assert [event["kind"] for event in by_sse[:4]] == [
        "task_created",
        "execution_started",
        "execution_completed",
        "task_ended",
    ]
    assert by_sse[6]["reason"] == "No"


async def test_events_are_streamed_from_the_request_on(started: TaskSchedulerService, clients: Clients) -> None:
    await fire(started)
    async with aclosing(stream(clients["read"])) as blocks, asyncio.timeout(PATIENCE):
        first = await anext(blocks)
        task_id = await fire(started)
        second = await anext(blocks)

    assert first["id"] == json.loads(second["data"])["cursor"].replace("5", "4")
    assert json.loads(second["data"])["task_id"] == task_id


async def test_a_client_that_comes_back_goes_on_where_it_was(started: TaskSchedulerService, clients: Clients) -> None:
    for _ in range(3):
        await fire(started)
    whole = await told(clients["read"], 12, params={"after": "0"})
    pieces: list[dict[str, Any]] = []
    while len(pieces) < len(whole):
        head = {"Last-Event-ID": pieces[-1]["cursor"]} if pieces else {}
        pieces += await told(clients["read"], min(5, 12 - len(pieces)), params={"after": "0"}, headers=head)

    assert pieces == whole


async def test_a_stream_tells_only_what_was_asked_for(started: TaskSchedulerService, clients: Clients) -> None:
    await fire(started)
    task_id = await fire(started, "bad")
    asked = {"after": "0", "kinds": ["execution_failed", "task_created"], "task_id": task_id}

    assert [event["kind"] for event in await told(clients["read"], 2, params=asked)] == [
        "task_created",
        "execution_failed",
    ]


@pytest.mark.parametrize(
    ("who", "params", "status"),
    [("nobody", {}, 401), ("read", {"after": "elsewhere"}, 422), ("read", {"kinds": "sunrise"}, 422)],
)
async def test_a_stream_that_cannot_be_is_refused_with_a_problem(
    clients: Clients, who: str, params: dict[str, str], status: int
) -> None:
    answer = await clients[who].get(EVENTS, params=params)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_a_browser_token_among_the_protocols_is_not_sent_back(
    started: TaskSchedulerService, clients: Clients
) -> None:
    await fire(started)
    offered = [event_streams.PROTOCOL, f"bearer.{token_of(clients['read'])}"]
    async with asyncio.timeout(PATIENCE), connect(f"{socket_of(clients)}?after=0", subprotocols=offered) as socket:
        event = json.loads(await socket.recv())

    assert (socket.subprotocol, event["kind"]) == (event_streams.PROTOCOL, "task_created")


@pytest.mark.parametrize("query", ["", "?access_token=TOKEN", "?after=elsewhere", "?kinds=sunrise"])
async def test_a_socket_that_cannot_be_is_closed_with_the_reason(clients: Clients, query: str) -> None:
    head = shown(clients) if "after" in query or "kinds" in query else {}
    address = socket_of(clients) + query.replace("TOKEN", token_of(clients["read"]))
    async with asyncio.timeout(PATIENCE), connect(address, additional_headers=head) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    assert closed.value.rcvd.reason


async def test_a_client_that_reads_nothing_holds_up_nobody(started: TaskSchedulerService, clients: Clients) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        connect(f"{socket_of(clients)}?after=0", additional_headers=shown(clients), max_queue=1) as slow,
    ):
        await started.schedule_tasks([far(number) for number in range(1000)])
        for _ in range(3):
            await fire(started)
        seen = [json.loads(await slow.recv())["cursor"] for _ in range(1012)]

    assert seen == [event.cursor for event in await pages(started)]


def far(number: int) -> ScheduleRequest:
    return ScheduleRequest(f"{number} {'x' * 190}", "goal", "prompt", "thought", defer_until="2090-01-01T00:00:00Z")


async def pages(service: TaskSchedulerService) -> list[Event]:
    first = await service.read_events("0")
    return first.events + (await service.read_events(first.cursor)).events


async def test_a_revoked_token_ends_the_stream_it_opened(
    started: TaskSchedulerService, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "_QUIET_SECONDS", 0.1)
    async with aclosing(stream(clients["read"])) as blocks, asyncio.timeout(PATIENCE):
        await anext(blocks)
        await started.revoke_token("reader")
        async for _ in blocks:
            pass


async def test_a_token_has_so_many_streams_at_once_and_no_more(
    started: TaskSchedulerService, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "STREAMS", 2)
    async with asyncio.timeout(PATIENCE):
        async with (
            aclosing(stream(clients["read"])) as blocks,
            connect(f"{socket_of(clients)}?after=0", additional_headers=shown(clients)) as socket,
        ):
            await anext(blocks)
            await fire(started)
            await socket.recv()
            refused = await clients["read"].get(EVENTS)
            async with connect(socket_of(clients), additional_headers=shown(clients)) as third:
                with pytest.raises(ConnectionClosed) as closed:
                    await third.recv()
            async with aclosing(stream(clients["write"])) as others:
                await anext(others)
        while await begun(clients["read"]) == 429:  # noqa: ASYNC110 (until the server has seen one of them go
            await asyncio.sleep(0.01)

    assert (refused.status_code, refused.json()["type"]) == (429, "urn:remembrancer:streams")
    assert refused.headers["retry-after"]
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1013


async def test_a_server_that_stops_ends_its_streams(started: TaskSchedulerService) -> None:
    server = RestServer(started)
    base = f"http://127.0.0.1:{(await server.start()).port}"
    token = (await started.create_token("one", "read")).token
    async with httpx.AsyncClient(timeout=60, base_url=base, headers={"Authorization": f"Bearer {token}"}) as client:
        async with aclosing(stream(client)) as blocks, asyncio.timeout(PATIENCE):
            await anext(blocks)
            stopping = asyncio.create_task(server.stop())
            async for _ in blocks:
                pass
        await stopping
