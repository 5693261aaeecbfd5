"""Schedulers in processes of their own, each with the time zone rules that a folder holds."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from remembrancer.model.timestamps import to_ms

if TYPE_CHECKING:
    from pathlib import Path

MONDAY: Final = "2027-07-05"
PROGRAM: Final = """
import asyncio, json, logging, sys
from datetime import datetime, timedelta
from remembrancer import TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock
logging.disable(logging.CRITICAL)
graph, begin, end, step, tasks, until = sys.argv[1:]
async def main():
    clock = VirtualClock(datetime.fromisoformat(begin))
    service = TaskSchedulerService(graph, clock, handler=lambda firing: "done")
    async with ManualScheduler(service, clock) as scheduler:
        for choices in json.loads(tasks):
            task = await service.schedule_task("Weekly", "goal", "prompt", "thought", **choices)
            if until:
                await service.defer_task(task.task_id, until, "Busy")
        while clock.now() < datetime.fromisoformat(end):
            await scheduler.tick(timedelta(minutes=int(step)))
        rows = await service.cypher("MATCH (c:task_change) WHERE c.action = 'rearm' RETURN c.before AS b, c.after AS a")
        runs, armed = await service.history(), await service.find_tasks()
        print(json.dumps({
            "runs": [[each.nominal_at.isoformat(), each.status, each.trigger_delay_ms] for each in runs],
            "moves": [[json.loads(row["b"]), json.loads(row["a"])] for row in rows],
            "counted": ((await service._process.store.statistics.lifetime()).counts)["tasks_rearmed"],
            "armed": [task.next_run_ms for task in armed],
        }))
asyncio.run(main())
"""
BERLIN: Final[dict[str, Any]] = {"schedule_cron": "0 9 * * MON", "timezone": "Europe/Berlin"}


def rules(zone: str) -> bytes:
    return resources.files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()


def under(folder: Path, data: bytes, release: str | None = None) -> Path:
    """Return a place where Berlin has these rules, of this release of the database."""
    (folder / "Europe").mkdir(parents=True, exist_ok=True)
    (folder / "Europe" / "Berlin").write_bytes(data)
    if release:
        (folder / "tzdata.zi").write_text(f"# version {release}\n")
    return folder


async def live(place: Path, graph: str, begin: str, end: str, **more: Any) -> dict[str, Any]:
    """Run a scheduler from *begin* to *end* in a process of its own, with the rules that are in *place*."""
    given = [json.dumps(more.get("tasks", [])), more.get("until", "")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, graph, f"{begin}+00:00", f"{end}+00:00", str(more.get("step", 30)), *given,
        env={**os.environ, "PYTHONTZPATH": str(place)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(told)


def at(moment: str) -> int:
    return to_ms(datetime.fromisoformat(f"{moment}+00:00"))
