"""An outcome that is known is written, however long the disk is full or the server away; a lost lease ends the run."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from bolt_proxy import BoltProxy
from disks import mounted
from real import GENEROUS, outcomes, schedule, until

from remembrancer import RemembrancerError, SchedulerOptions, TaskSchedulerService

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer import Firing

pytestmark = pytest.mark.slow
LEASES = "MATCH (l:execution_lease) RETURN count(l) AS n"


async def test_an_outcome_outlives_a_disk_that_is_full_for_leases(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "remembrancer")
    began: list[int] = []
    finish = asyncio.Event()

    async def handle(firing: Firing) -> str:
        began.append(firing.execution.attempt)
        await finish.wait()
        return "x" * 9000

    options = SchedulerOptions(lease_seconds=2, event_retention_count=100)
    with mounted(tmp_path / "disk", "size=64m") as disk:
        async with TaskSchedulerService(disk / "graph", handler=handle, options=options) as service:
            ids = [await schedule(service, on_lost="retry") for _ in range(20)]
            await until(lambda: len(began) == len(ids))
            filler = disk / "filler"
            with filler.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(4096))
            finish.set()
            scheduler = service._process.running_scheduler()
            await until(lambda: "outcomes wait" in (scheduler.trouble or ""))
            await asyncio.sleep(10)  # five leases, and longer than any number of tries that gave up before
            filler.unlink()
            ended = await outcomes(service, len(ids))
            await service.idle()

            assert {each.status for each in ended.values()} == {"completed"}
            assert began == [1] * len(ids), "nothing ran twice"
            assert await service.cypher(LEASES) == [{"n": 0}]


@pytest.mark.neo4j
async def test_a_run_under_a_lost_lease_stops_and_writes_nothing(
    neo4j_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "remembrancer")
    stopped: dict[str, int] = {}
    began: list[str] = []

    def named(name: str) -> Any:
        async def handle(firing: Firing) -> str:
            began.append(name)
            if firing.execution.attempt > 1:
                return f"by {name}, beside {len(began) - 1 - len(stopped)}"
            try:
                await asyncio.sleep(3600)
            finally:
                stopped[name] = firing.execution.attempt
            return "never"

        return handle

    options = SchedulerOptions(lease_seconds=3, shutdown_timeout_seconds=0.1)
    async with BoltProxy(neo4j_server.graph) as proxy:
        cut = TaskSchedulerService(proxy.graph, handler=named("cut off"), options=options)
        await cut.start()
        task_id = await schedule(cut, on_lost="retry", max_attempts=5)
        await until(lambda: bool(began))
        proxy.delay_seconds = 3600  # connections that die without a word
        await until(lambda: bool(stopped))
        async with TaskSchedulerService(neo4j_server.graph, handler=named("other"), options=options) as other:
            async with asyncio.timeout(GENEROUS):
                while not any(each.result for each in await other.history(task_id)):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            made = await other.history(task_id)

            assert stopped == {"cut off": 1}
            assert sorted((each.status, each.reason_code, each.result) for each in made) == [
                ("completed", None, "by other, beside 0"),
                ("failed", "lease_expired", None),
            ]
        await proxy.down()
        with suppress(RemembrancerError):
            await cut.stop()
