"""One service, started and stopped from several event loops at once."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from remembrancer import TaskSchedulerService
from remembrancer.errors import NotRunning

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

LOOPS = 6
ROUNDS = 12
GENEROUS = 60.0


def in_threads(work: Callable[[], None]) -> list[BaseException]:
    """Do *work* in several threads at once, and return what they raised; a thread that hangs raises TimeoutError."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (the test looks at it)
            raised.append(error)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(LOOPS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    return [*raised, *(TimeoutError(each.name) for each in threads if each.is_alive())]


def test_a_start_waits_for_a_stop_on_another_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    service = TaskSchedulerService(":memory:")
    lifecycle, stopping = service._lifecycle, threading.Event()  # pyright: ignore[reportPrivateUsage]
    end_readers = lifecycle._end_readers  # pyright: ignore[reportPrivateUsage]

    async def slow() -> None:
        stopping.set()
        await asyncio.sleep(0.3)
        await end_readers()

    monkeypatch.setattr(lifecycle, "_end_readers", slow)
    ending = threading.Thread(target=lambda: asyncio.run(service.stop()), daemon=True)
    ending.start()
    stopping.wait()
    monkeypatch.undo()

    async def run() -> bool:
        await asyncio.wait_for(service.start(), GENEROUS)
        is_healthy = await service.is_healthy()
        await service.stop()
        return is_healthy

    assert asyncio.run(run())
    ending.join()
    assert service.calls.home is None


def test_starts_and_stops_on_many_loops_never_hang() -> None:
    service = TaskSchedulerService(":memory:")

    async def change() -> None:
        for number in range(ROUNDS):
            try:
                await asyncio.wait_for(service.stop() if number % 2 else service.open(), GENEROUS)
            except NotRunning:
                await asyncio.sleep(0)

    assert in_threads(lambda: asyncio.run(change())) == []
    asyncio.run(service.stop())
    assert service.calls.home is None
