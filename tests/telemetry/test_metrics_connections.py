"""The server of `/metrics`: bounded connections, and asked under names of this machine only."""

from __future__ import annotations

import asyncio
import selectors
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from remembrancer import TaskSchedulerService
from remembrancer.surfaces.otel import prometheus
from remembrancer.surfaces.otel.prometheus import MetricsServer, PrometheusExporter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def port() -> AsyncIterator[int]:
    exposition = PrometheusExporter()
    service = TaskSchedulerService(":memory:", instruments=exposition.instruments)
    await service.start()
    server = MetricsServer(exposition, service)
    yield (await server.start()).port
    await server.stop()
    await service.stop()


async def scrape(port: int, host: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.get(f"http://127.0.0.1:{port}/metrics", headers={"Host": host})


async def test_metrics_are_told_under_a_name_of_this_machine_only(port: int) -> None:
    answers = [await scrape(port, host) for host in ("localhost", "127.0.0.1:9464", "[::1]", "evil.example")]

    assert [each.status_code for each in answers] == [200, 200, 200, 400]
    assert {each.headers["cache-control"] for each in answers} == {"no-store"}
    assert {each.headers["x-content-type-options"] for each in answers} == {"nosniff"}


async def test_silent_connections_keep_no_scrape_out(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "_MOST_CONNECTIONS", 4)
    monkeypatch.setattr(prometheus._Handler, "timeout", 3600.0)
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=600)) for _ in range(20)]
        answer = await scrape(port, "localhost")
        ended = await asyncio.to_thread(_ended, silent, 16)

    assert answer.status_code == 200
    assert ended >= 16


def _ended(connections: list[socket.socket], expected: int) -> int:
    """Count the connections that the server ended, once there are enough; it may accept them in any order."""
    ended = 0
    with selectors.DefaultSelector() as selector:
        for each in connections:
            selector.register(each, selectors.EVENT_READ)
        while ended < expected and (ready := selector.select(60)):
            for key, _ in ready:
                assert key.fileobj.recv(10) == b""
                selector.unregister(key.fileobj)
                ended += 1
    return ended
