"""`stop` ends within its limits whatever the handlers do, and writes what became of each."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from real import GENEROUS, schedule, until

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.errors import GraphUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from remembrancer import Execution, Firing

pytestmark = pytest.mark.slow
HASTY = SchedulerOptions(shutdown_timeout_seconds=0.1)


async def history_of(graph: Path) -> list[Execution]:
    service = TaskSchedulerService(graph)
    await service.open()
    try:
        return await service.history()
    finally:
        await service.close()


async def test_a_stop_settles_what_swallows_its_cancellation(tmp_path: Path) -> None:
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def handle(_: Firing) -> str:
        begun.set()
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return "late"

    service = TaskSchedulerService(tmp_path / "graph", handler=handle, options=HASTY)
    await service.start()
    await schedule(service)
    await begun.wait()
    async with asyncio.timeout(GENEROUS):
        await service.stop()
    let_go.set()
    await asyncio.sleep(0.05)
    (made,) = await history_of(tmp_path / "graph")

    assert (made.status, made.reason_code) == ("failed", "shutdown")
    assert "did not end" in (made.reason or "")


async def test_a_stop_leaves_what_is_retried_to_its_lease(tmp_path: Path) -> None:
    begun, gate = threading.Event(), threading.Event()

    def handle(firing: Firing) -> str:
        if firing.execution.attempt == 1:
            begun.set()
            gate.wait(GENEROUS)
        return f"attempt {firing.execution.attempt}"

    service = TaskSchedulerService(tmp_path / "graph", handler=handle, options=HASTY)
    await service.start()
    await schedule(service, on_lost="retry")
    await until(begun.is_set)
    await service.stop()
    gate.set()
    assert [each.status for each in await history_of(tmp_path / "graph")] == ["running"], "its late answer is not kept"
    async with service:
        await service.idle()
        made = await service.history()

    assert sorted((each.status, each.result) for each in made) == [("completed", "attempt 2"), ("failed", None)]


async def test_a_stop_gives_a_plain_handler_the_time_to_end(tmp_path: Path) -> None:
    begun = threading.Event()

    def handle(firing: Firing) -> str:
        begun.set()
        while not firing.stop_requested:
            threading.Event().wait(0.01)
        return "ended in order"

    service = TaskSchedulerService(tmp_path / "graph", handler=handle, options=HASTY)
    await service.start()
    await schedule(service)
    await until(begun.is_set)
    await service.stop()
    (made,) = await history_of(tmp_path / "graph")

    assert (made.status, made.result) == ("completed", "ended in order")


async def test_a_stop_names_the_outcomes_that_the_graph_did_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("remembrancer.engine.execution.executor._WRITE_SECONDS", 0.2)
    tried = asyncio.Event()

    async def unheard(*_: Any) -> Sequence[bool]:
        tried.set()
        raise GraphUnavailable("no answer")

    service = TaskSchedulerService(tmp_path / "graph", handler=lambda _: "done", options=HASTY)
    await service.start()
    monkeypatch.setattr(service._process.store.queue, "settle", unheard)
    caplog.set_level(logging.ERROR, "remembrancer")
    await schedule(service)
    await tried.wait()
    assert "outcomes wait" in (service._process.running_scheduler().trouble or "")
    async with asyncio.timeout(GENEROUS):
        await service.stop()
    (made,) = await history_of(tmp_path / "graph")

    assert f"1 outcomes were not written before the scheduler stopped: {made.execution_id} (completed)" in caplog.text


async def test_a_scheduler_knows_when_its_handler_calls() -> None:
    """What `stop` needs, not to wait for the very handler that calls it."""
    seen: list[bool] = []

    async def handle(_: Firing) -> None:
        seen.append(service._process.running_scheduler().inside_handler)
        await asyncio.create_task(deeper())

    async def deeper() -> None:
        seen.append(service._process.running_scheduler().inside_handler)
        async with asyncio.timeout(GENEROUS):
            await service._process.running_scheduler()._dispatch.stop(0.1)
        seen.append(True)

    async with TaskSchedulerService(handler=handle, options=HASTY) as service:
        await schedule(service)
        await until(lambda: len(seen) == 3)

        assert seen == [True, True, True]
        assert not service._process.running_scheduler().inside_handler


STUBBORN = """
import asyncio, sys
from datetime import UTC, datetime
from remembrancer import SchedulerOptions, TaskSchedulerService
async def handle(firing):
    begun.set()
    while True:
        try: await asyncio.sleep(3600)
        except asyncio.CancelledError: pass
async def main():
    global begun
    begun = asyncio.Event()
    options = SchedulerOptions(shutdown_timeout_seconds=0.1)
    async with TaskSchedulerService(sys.argv[1], handler=handle, options=options) as service:
        await service.schedule_task("t", "g", "p", "th", datetime.now(UTC))
        await begun.wait()
    print("stopped", flush=True)
asyncio.run(main())
"""


def test_a_program_ends_though_a_handler_swallows_everything(tmp_path: Path) -> None:
    program = [sys.executable, "-c", STUBBORN, str(tmp_path / "graph")]
    ended = subprocess.run(program, check=True, timeout=GENEROUS, capture_output=True, text=True)

    assert (ended.stdout.strip(), ended.stderr) == ("stopped", "")
