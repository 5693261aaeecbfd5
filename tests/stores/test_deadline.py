"""A deadline is for the server: what it answers while a handler keeps the loop busy is in time."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from remembrancer.stores.neo4j.deadline import Deadline


async def test_an_answer_that_came_while_the_loop_was_busy_is_in_time() -> None:
    near, far = socket.socketpair()
    with far:
        reader, writer = await asyncio.open_connection(sock=near)
        async with Deadline(0.2):
            threading.Timer(0.5, far.send, [b"answer"]).start()
            asyncio.get_running_loop().call_soon(time.sleep, 1.5)
            answer = await reader.read(6)
        writer.close()
        await writer.wait_closed()

    assert answer == b"answer"


async def test_each_step_has_its_own_time() -> None:
    async with Deadline(0.2) as deadline:
        deadline.within(3600)
        await asyncio.sleep(0.5)

    async def shorten() -> None:
        async with Deadline(3600) as deadline:
            deadline.within(0.1)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await shorten()


async def test_what_is_cancelled_is_not_late() -> None:
    async def wait() -> None:
        async with Deadline(3600):
            await asyncio.Event().wait()

    waiting = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
