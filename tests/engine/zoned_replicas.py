"""Replicas in processes of their own, each with the time zone rules of its machine, that do one step when told."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PROGRAM = """
import asyncio, json, logging, sys
from datetime import datetime
from remembrancer import TaskSchedulerService
from remembrancer.testing import VirtualClock
logging.disable(logging.CRITICAL)

async def main():
    clock = VirtualClock(datetime.fromisoformat(sys.argv[2]))
    service = TaskSchedulerService(sys.argv[1], clock, handler=lambda firing: "done")
    await service.open()
    scheduler = service._process.running_scheduler()
    membership = scheduler.membership

    async def do(name, given):
        match name:
            case "join":
                await membership.join()
                await scheduler.recheck()
            case "schedule":
                for choices in given:
                    await service.schedule_task("Nine", "goal", "prompt", "thought", **choices)
            case "beat":
                clock.set(datetime.fromisoformat(given))
                await membership._beat()
            case "claim":
                await service.tick()
            case "tick":
                await membership.poll()
                await scheduler.recheck()
                await service.tick()
            case "recheck":
                return [each.name for each in (await service.recheck()).moved]
            case "tell":
                runs = await service.history(limit=1000)
                tasks = await service.find_tasks()
                moves = [each for each in await service.audit_entries(limit=1000) if each.action == "rearm"]
                return {
                    "runs": [[each.task_id, each.nominal_at.isoformat(), each.status] for each in runs],
                    "armed": [each.next_run_ms for each in tasks],
                    "moves": len(moves),
                }

    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await do(*json.loads(line))), flush=True)
    await membership.leave()
    await service.close()

asyncio.run(main())
"""


class ReplicaProcess:
    """One replica; it does nothing by itself."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def do(self, name: str, given: Any = None) -> Any:
        """Let it do one step; return its answer."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([name, given]).encode() + b"\n")
        await self.process.stdin.drain()
        return json.loads(await self.process.stdout.readline())


@asynccontextmanager
async def replica(place: Path, graph: str, begin: str) -> AsyncIterator[ReplicaProcess]:
    """Run a replica with the rules that are in *place*; it leaves the graph at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, graph, f"{begin}+00:00",
        env={**os.environ, "PYTHONTZPATH": str(place)}, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        made = ReplicaProcess(process)
        await made.do("join")
        yield made
    finally:
        assert process.stdin
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 60)


async def step(moment: str, *replicas: ReplicaProcess) -> None:
    """Let all replicas beat at a time, then tick at once."""
    for each in replicas:
        await each.do("beat", f"{moment}+00:00")
    await asyncio.gather(*(each.do("tick") for each in replicas))
