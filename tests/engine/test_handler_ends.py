"""Every run ends: whatever a handler answers or raises, its execution has an outcome that says what happened."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from real import GENEROUS, outcomes, schedule, until

from remembrancer import Defer, Done, SchedulerOptions, TaskSchedulerService, Thought

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer import Firing

pytestmark = pytest.mark.slow


class Odd(BaseException):
    """Something that no `except Exception` catches."""


class Mute:
    """Something that cannot be told."""

    def __str__(self) -> str:
        raise ValueError("I do not say")


class Leaving:
    """Something whose text ends the program."""

    def __str__(self) -> str:
        raise SystemExit(0)


class Unformatted(Exception):
    """Something that no traceback can be made of."""

    @property
    def __notes__(self) -> list[str]:
        raise RuntimeError("no notes")


def leave(_: Firing) -> None:
    sys.exit(0)


def raising(error: BaseException) -> Any:
    def handle(_: Firing) -> None:
        raise error

    return handle


def answering(answer: object) -> Any:
    return lambda _: answer


ENDS: dict[str, tuple[Any, str, str]] = {
    "thought": (answering(Done("ok", thought="a text")), "handler_failed", "str"),  # pyright: ignore[reportArgumentType]
    "no thought": (answering(Done("ok", thought=0)), "handler_failed", "int"),  # pyright: ignore[reportArgumentType]
    "odd thought": (answering(Done(thought=Thought(7, "x"))), "handler_failed", "thought_id"),  # pyright: ignore[reportArgumentType]
    "mute": (answering(Done(Mute())), "handler_failed", "I do not say"),  # pyright: ignore[reportArgumentType]
    "leaving": (answering(Done(Leaving())), "handler_failed", "SystemExit"),  # pyright: ignore[reportArgumentType]
    "leaving reason": (answering(Defer(None, Leaving())), "handler_failed", "SystemExit"),  # pyright: ignore[reportArgumentType]
    "unformatted": (raising(Unformatted("quite")), "handler_raised", "quite"),
    "mute raised": (raising(ValueError(Mute())), "handler_raised", "ValueError"),
    "mute deferral": (answering(Defer(Mute(), "later")), "handler_failed", "deferral"),  # pyright: ignore[reportArgumentType]
    "odd deferral": (answering(Defer(None, "later", Mute())), "handler_failed", "deferral"),  # pyright: ignore[reportArgumentType]
    "odd": (raising(Odd("quite")), "handler_raised", "quite"),
    "exit": (leave, "handler_raised", "SystemExit"),
    "interrupt": (raising(KeyboardInterrupt()), "handler_raised", "KeyboardInterrupt"),
    "stop": (raising(StopIteration("enough")), "handler_raised", "StopIteration"),
    "stop async": (raising(StopAsyncIteration()), "handler_raised", "StopAsyncIteration"),
    "generator": (raising(GeneratorExit()), "handler_raised", "GeneratorExit"),
    "cancelled": (raising(asyncio.CancelledError()), "handler_raised", "cancelled itself"),
    "number": (answering(42), "handler_failed", "int"),
    "class": (answering(Done), "handler_failed", "type"),
}


def by_name(firing: Firing) -> Any:
    return ENDS[firing.task.name][0](firing)


async def by_name_async(firing: Firing) -> Any:
    await asyncio.sleep(0)
    return by_name(firing)


@pytest.mark.parametrize("handler", [by_name, by_name_async], ids=["plain", "async"])
async def test_a_run_that_ends_oddly_fails_and_says_how(handler: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "remembrancer")
    options = SchedulerOptions(default_timeout_seconds=3600)
    async with TaskSchedulerService(handler=handler, options=options) as service:
        ids = {await schedule(service, name): name for name in ENDS}
        ended = await outcomes(service, len(ENDS))
        said = {ids[task_id]: (each.status, each.reason_code, each.reason or "") for task_id, each in ended.items()}

        for name, (_, code, words) in ENDS.items():
            assert said[name][:2] == ("failed", code), name
            assert words in said[name][2], name
        assert await service.is_healthy()


async def test_a_handler_that_cancels_its_own_task_object_fails(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "remembrancer")

    async def handle(_: Firing) -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(3600)

    async with TaskSchedulerService(handler=handle) as service:
        task_id = await schedule(service)
        ended = await outcomes(service, 1)

        assert (ended[task_id].status, ended[task_id].reason) == ("failed", "The handler cancelled itself.")


async def test_an_awaitable_of_a_plain_handler_is_awaited() -> None:
    async def rest() -> str:
        await asyncio.sleep(0)
        return "the rest"

    async with TaskSchedulerService(handler=lambda _: rest()) as service:
        task_id = await schedule(service)

        assert (await outcomes(service, 1))[task_id].result == "the rest"


async def test_a_run_by_hand_starts_though_its_caller_gives_up() -> None:
    for turns in range(12):
        async with TaskSchedulerService(handler=lambda _: "done") as service:
            task_id = await schedule(service, seconds=86_400)
            asking = asyncio.ensure_future(service.run_now(task_id))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            for _ in range(100):
                await asyncio.sleep(0.001)
            await service.idle()

            assert {each.status for each in await service.history()} <= {"completed"}


EXIT = """
import asyncio, sys
from datetime import UTC, datetime
from remembrancer import SchedulerOptions, TaskSchedulerService
graph, kind = sys.argv[1:]
async def handle(firing):
    if firing.execution.attempt > 1: return "again"
    begun.set()
    await asyncio.sleep(3600)
async def main():
    global begun
    begun = asyncio.Event()
    service = TaskSchedulerService(graph, handler=handle)
    await service.start()
    if kind == "first":
        await service.schedule_task("t", "g", "p", "th", datetime.now(UTC), on_lost="retry")
        await begun.wait()
    else:
        await service.idle()
        print(sorted((e.status.value, e.reason_code and e.reason_code.value) for e in await service.history()))
        await service.stop()
asyncio.run(main())
"""


def test_a_loop_that_ends_without_a_stop_loses_no_retry(tmp_path: Path) -> None:
    script = [sys.executable, "-c", EXIT, str(tmp_path / "graph")]
    subprocess.run([*script, "first"], check=True, timeout=GENEROUS, capture_output=True)
    second = subprocess.run([*script, "second"], check=True, timeout=GENEROUS, capture_output=True, text=True)

    assert second.stdout.strip() == "[('completed', None), ('failed', 'lease_expired')]"


async def test_an_exit_in_a_handler_ends_no_other_task(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "remembrancer")
    seen: list[str] = []

    async def handle(firing: Firing) -> None:
        seen.append(firing.task.name)
        if firing.task.name == "exit":
            sys.exit(0)

    async with TaskSchedulerService(handler=handle) as service:
        await schedule(service, "exit")
        await outcomes(service, 1)
        await schedule(service, "next")
        await until(lambda: "next" in seen)
