"""A body that is refused before it has come: the client gets the answer, though it sends all before it reads."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
import pytest

from remembrancer.surfaces.rest import lingering_close

if TYPE_CHECKING:
    from remembrancer import TaskSchedulerService

TASKS = "/v1/scheduler/tasks"
BODY = b'{"name": "' + b"x" * 6_000_000 + b'"}'
GENEROUS = 60
PIECES = 6


def sent_before_read(port: int, head: str) -> bytes:
    """Send a whole body, a piece now and then, and only then read the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=GENEROUS) as connection:
        connection.sendall(f"POST {TASKS} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
        size = len(BODY) // PIECES + 1
        for place in range(0, len(BODY), size):
            connection.sendall(BODY[place : place + size])
            connection.settimeout(0.3)
            with suppress(TimeoutError):  # as long as the server needs to answer, which is left unread
                connection.recv(1, socket.MSG_PEEK)
            connection.settimeout(GENEROUS)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize("case", ["without a token", "too large", "in chunks too large", "no HTTP"])
async def test_the_answer_reaches_who_sends_before_it_reads(
    started: TaskSchedulerService, address: str, case: str
) -> None:
    token = (await started.create_token("writer", "write")).token
    length = f"Content-Length: {len(BODY)}\r\nContent-Type: application/json\r\n"
    bearer = f"Authorization: Bearer {token}\r\n"
    head, status = {
        "without a token": (length, b"401"),
        "too large": (length + bearer, b"413"),
        "in chunks too large": (f"Transfer-Encoding: chunked\r\n{bearer}\r\n{len(BODY):x}", b"413"),
        "no HTTP": ("no header\r\n", b"400"),
    }[case]
    answer = await asyncio.to_thread(sent_before_read, int(address.rpartition(":")[2]), head)

    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"application/problem+json" in answer
    assert answer.endswith(b"}")


async def test_httpx_and_curl_get_the_answer(address: str) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(f"{address}{TASKS}", content=BODY)
        assert (answer.status_code, answer.json()["status"]) == (401, 401)
    command = ["curl", "-sS", "-H", "Expect:", "-w", "%{http_code}", "-o", "/dev/null", "--data-binary", "@-"]
    try:
        ran = await asyncio.to_thread(
            subprocess.run,
            [*command, f"{address}{TASKS}"],
            input=BODY,
            capture_output=True,
            check=False,
            timeout=GENEROUS,
        )
    except FileNotFoundError:
        pytest.skip("curl is not installed")
    assert (ran.stdout, ran.stderr) == (b"401", b"")


async def test_a_client_that_sends_without_end_is_cut_off(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering_close, "LINGER_BYTES", 1_000_000)

    async def send_without_end() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(f"POST {TASKS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n".encode())
        while True:
            writer.write(b"x" * 100_000)
            await writer.drain()

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(send_without_end(), GENEROUS)
