"""Connections: the token before the body, deadlines, a bound on their number, and the names they may ask under."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
import websockets

from remembrancer import TaskSchedulerService
from remembrancer.surfaces.network import Network
from remembrancer.surfaces.rest import connections, request_body
from remembrancer.surfaces.rest.server import RestServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

GENEROUS = 60
TASKS = "/v1/scheduler/tasks"
JSON = b"Content-Type: application/json\r\n"


@pytest.fixture
async def port(address: str) -> int:
    return int(address.rpartition(":")[2])


@pytest.fixture
async def token(started: TaskSchedulerService) -> bytes:
    made = await started.create_token("raw", "write")
    return f"Authorization: Bearer {made.token}\r\n".encode()


class Wire:
    """A connection on which bytes are sent as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, port: int, *said: bytes) -> Wire:
        made = cls(*await asyncio.open_connection("127.0.0.1", port))
        made.writer.writelines(said)
        await made.writer.drain()
        return made

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Return status, head and body of the next answer."""
        async with asyncio.timeout(GENEROUS):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            head = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            return int(first.split()[1]), head, await self.reader.readexactly(int(head.get("content-length", "0")))

    async def end(self) -> bytes:
        """Return what comes until the other side ends the connection; it has to."""
        async with asyncio.timeout(GENEROUS):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def close(self) -> None:
        self.writer.close()


def head(*lines: bytes, method: bytes = b"POST", path: str = TASKS) -> bytes:
    return b"%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (method, path.encode(), b"".join(lines))


async def test_a_caller_without_a_token_is_refused_before_its_body(port: int) -> None:
    for framing in (b"Content-Length: 1000000\r\n", b"Transfer-Encoding: chunked\r\n"):
        wire = await Wire.to(port, head(JSON, framing))
        status, said, body = await wire.answer()

        assert (status, said["connection"]) == (401, "close")
        assert json.loads(body)["type"] == "urn:remembrancer:no-token"
        assert await wire.end() == b""
        await wire.close()


async def test_an_unreadable_body_is_not_looked_at_without_a_token(
    clients: dict[str, httpx.AsyncClient],
) -> None:
    for content in (b"{", b'{"a":' * 2000, b"\xff" * 100, b"x" * 2_000_000):
        refused = await clients["nobody"].post(TASKS, content=content, headers={"Content-Type": "application/json"})
        assert refused.status_code == 401
        forbidden = await clients["read"].post(TASKS, content=content, headers={"Content-Type": "application/json"})
        assert forbidden.status_code == 403


async def test_chunks_beyond_the_limit_end_the_connection(port: int, token: bytes) -> None:
    wire = await Wire.to(port, head(JSON, token, b"Transfer-Encoding: chunked\r\n"))
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    wire.writer.write(chunk * 17)
    status, said, body = await wire.answer()

    assert (status, said["connection"], json.loads(body)["field"]) == (413, "close", "body")
    await wire.close()


async def test_one_byte_chunks_are_a_body_like_any_other(port: int, token: bytes) -> None:
    sent = b'{"name":1}' + b" " * 5000
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in sent) + b"0\r\n\r\n"
    wire = await Wire.to(port, head(JSON, token, b"Transfer-Encoding: chunked\r\n"), chunks)
    status, _, body = await wire.answer()

    assert (status, json.loads(body)["field"]) == (422, "body.name")
    await wire.close()


@pytest.mark.parametrize("said", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
async def test_a_connection_that_asks_nothing_is_ended(port: int, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    wire = await Wire.to(port, said)

    assert await wire.end() == b""
    await wire.close()


async def test_half_a_second_request_is_ended_as_well(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    wire = await Wire.to(port, head(method=b"GET"))
    status, _, _ = await wire.answer()
    wire.writer.write(b"GET /v1/")

    assert status == 401
    assert await wire.end() == b""
    await wire.close()


async def test_half_a_body_is_answered_and_ended(port: int, token: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "BODY_SECONDS", 0.2)
    wire = await Wire.to(port, head(JSON, token, b"Content-Length: 100\r\n"), b'{"name":')
    status, said, body = await wire.answer()

    assert (status, said["connection"]) == (408, "close")
    assert json.loads(body)["allowed"]
    assert await wire.end() == b""
    await wire.close()


async def test_a_client_that_leaves_within_its_body_is_no_fault(
    port: int, token: bytes, writer: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        wire = await Wire.to(port, head(JSON, token, b"Content-Length: 100\r\n"), b'{"name":')
        wire.writer.transport.abort()
    assert (await writer.get(TASKS)).status_code == 200

    assert "Traceback" not in caplog.text
    assert "failed" not in caplog.text


@pytest.fixture
async def narrow(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a server with eight connections, which waits an hour for the head of a request."""
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 8)
    monkeypatch.setattr(connections, "HEAD_SECONDS", 3600.0)
    async with TaskSchedulerService(":memory:") as service:
        server = RestServer(service)
        yield (await server.start()).port
        await server.stop()


async def test_silent_connections_keep_no_other_out(narrow: int) -> None:
    silent = [await Wire.to(narrow, b"GET /") for _ in range(40)]
    wire = await Wire.to(narrow, head(method=b"GET"))
    status, _, _ = await wire.answer()

    assert status == 401
    assert [await each.end() for each in silent[:30]] == [b""] * 30
    for each in [*silent, wire]:
        await each.close()


@pytest.mark.parametrize(
    "host", [b"localhost", b"localhost:80", b"127.0.0.1", b"127.9.9.9:1", b"[::1]:8", b"LOCALHOST."]
)
async def test_a_name_of_this_machine_is_answered(port: int, host: bytes) -> None:
    wire = await Wire.to(port, b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (TASKS.encode(), host))
    status, _, _ = await wire.answer()

    assert status == 401
    await wire.close()


@pytest.mark.parametrize(
    "host", [b"evil.example", b"localhost.evil.example:80", b"", b"10.1.2.3", b"127.0.0.1.nip.io", b"a b"]
)
async def test_a_name_of_another_is_refused(port: int, token: bytes, host: bytes) -> None:
    for path in (TASKS, "/", "/v1/openapi.json"):
        wire = await Wire.to(port, b"GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (path.encode(), host, token))
        status, said, body = await wire.answer()

        assert (status, said["content-type"]) == (400, "application/problem+json")
        assert json.loads(body)["field"] == "Host"
        await wire.close()


async def test_a_name_that_was_configured_is_answered() -> None:
    async with TaskSchedulerService(":memory:") as service:
        server = RestServer(service, network=Network(allowed_hosts=("Agent.example",)))
        port = (await server.start()).port
        for host, expected in ((b"agent.example:443", 401), (b"other.example", 400)):
            wire = await Wire.to(port, b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (TASKS.encode(), host))
            assert (await wire.answer())[0] == expected
            await wire.close()
        await server.stop()


async def test_a_websocket_under_a_name_of_another_is_refused(port: int) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect("ws://evil.example/v1/scheduler/events/ws", host="127.0.0.1", port=port)
    assert refused.value.response.status_code == 403


async def test_every_answer_is_kept_nowhere_and_taken_for_nothing_else(
    port: int, clients: dict[str, httpx.AsyncClient]
) -> None:
    reader, writer = clients["read"], clients["write"]
    answers = [
        await reader.get(TASKS),
        await clients["nobody"].get(TASKS),
        await reader.get("/nowhere"),
        await reader.put(TASKS),
        await writer.post(TASKS, content=b"{"),
        await reader.get("/v1/openapi.json"),
        await reader.get("/v1/scheduler/health"),
        await reader.get(TASKS, headers={"Host": "evil.example"}),
    ]
    assert [each.status_code for each in answers] == [200, 401, 404, 405, 422, 200, 200, 400]
    heads = [dict(each.headers) for each in answers]
    async with reader.stream("GET", "/v1/scheduler/events") as stream:
        heads.append(dict(stream.headers))
    wire = await Wire.to(port, b"NONSENSE\r\n\r\n")
    status, said, body = await wire.answer()
    heads.append(said)

    assert {(each["cache-control"], each["x-content-type-options"]) for each in heads} == {("no-store", "nosniff")}
    assert (status, said["content-type"], json.loads(body)["status"]) == (400, "application/problem+json", 400)
    await wire.close()


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
async def test_no_page_asks_for_the_token(reader: httpx.AsyncClient, path: str) -> None:
    assert (await reader.get(path)).status_code == 404


async def test_paths_and_methods_that_are_not_there_are_requests(
    started: TaskSchedulerService, reader: httpx.AsyncClient
) -> None:
    before = started.get_status().metrics
    await reader.get("/nowhere")
    await reader.put(TASKS)
    await reader.get(TASKS, headers={"Host": "evil.example"})
    after = started.get_status().metrics

    assert after["request_count"] - before["request_count"] == 3
    assert after["error_count"] - before["error_count"] == 3
