"""Problem documents: one form, whichever part of the server refuses."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from remembrancer.surfaces.network import Network
from remembrancer.surfaces.rest.proxies import BehindProxies

if TYPE_CHECKING:
    from collections.abc import Awaitable

HEAD = {"type", "title", "status", "detail", "request_id"}


async def by_framing(address: str) -> tuple[str, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    writer.write(b"no HTTP\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head.decode().lower(), body


async def by_proxy() -> tuple[str, bytes]:
    async def never(*_: object) -> None:
        pytest.fail("it was asked")

    app: Any = BehindProxies(never, Network(proxies=("10.0.0.5",)))
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/v1/scheduler/tasks")
    return f"content-type: {answer.headers['content-type']}", answer.content


async def by_route(address: str) -> tuple[str, bytes]:
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.get(f"{address}/v1/scheduler/tasks")
    return f"content-type: {answer.headers['content-type']}", answer.content


async def test_every_refusal_has_the_same_head(address: str) -> None:
    found: list[Awaitable[tuple[str, bytes]]] = [by_framing(address), by_proxy(), by_route(address)]
    for answer in found:
        head, body = await answer
        assert "content-type: application/problem+json" in head
        assert set(json.loads(body)) >= HEAD
        assert json.loads(body)["type"].startswith("urn:remembrancer:")
