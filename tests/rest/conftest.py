"""A real server on loopback over a real graph, and clients with a token of each scope."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from remembrancer import Failed, TaskSchedulerService
from remembrancer.surfaces.rest.server import RestServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing


async def handle(firing: Firing) -> Any:
    return Failed("No") if firing.task.name == "bad" else "done"


@pytest.fixture
async def started() -> AsyncIterator[TaskSchedulerService]:
    async with TaskSchedulerService(":memory:", handler=handle) as service:
        yield service


@pytest.fixture
async def address(started: TaskSchedulerService) -> AsyncIterator[str]:
    server = RestServer(started)
    yield f"http://127.0.0.1:{(await server.start()).port}"
    await server.stop()


@pytest.fixture
async def clients(started: TaskSchedulerService, address: str) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """A client for each scope, and one without a token."""
    async with AsyncExitStack() as stack:
        made = {"nobody": await stack.enter_async_context(httpx.AsyncClient(timeout=60, base_url=address))}
        for scope, name in (("read", "reader"), ("write", "writer"), ("admin", "operator")):
            token = await started.create_token(name, scope)
            head = {"Authorization": f"Bearer {token.token}"}
            made[scope] = await stack.enter_async_context(httpx.AsyncClient(timeout=60, base_url=address, headers=head))
        yield made


@pytest.fixture
def writer(clients: dict[str, httpx.AsyncClient]) -> httpx.AsyncClient:
    return clients["write"]


@pytest.fixture
def reader(clients: dict[str, httpx.AsyncClient]) -> httpx.AsyncClient:
    return clients["read"]
