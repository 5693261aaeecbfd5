"""Render docs/assets/watch.svg: what `remembrancer watch` shows while an agent is at work.

The scheduler, the graph and the view are the real ones; the clock is virtual, so the picture is always the same.
"""

from __future__ import annotations

import asyncio
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

from rich.console import Console

from remembrancer import Defer, Done, Failed, ScheduleRequest, TaskSchedulerService
from remembrancer.cli.views import watch
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from remembrancer import Firing

PICTURE: Final = Path(__file__).resolve().parents[1] / "assets/watch.svg"
START: Final = datetime(2026, 3, 30, 6, 58, tzinfo=UTC)
_CDN_FONT: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_LOOK_SECONDS: Final = 0.02
_STEPS: Final = (
    (30, "execution_progress", 1),
    (60, "execution_started", 2),
    (62, "execution_deferred", 1),
    (90, "execution_started", 3),
    (101, "execution_failed", 1),
    (120, "execution_started", 4),
    (124, "execution_completed", 1),
)
"""The seconds at which the clock is set, and the events to wait for before it is set again."""


class Wren:
    """The agent of the picture: one handler for all of its tasks.

    Args:
        clock: The virtual clock, by which the work takes time.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.night = asyncio.Event()
        self._clock = clock

    async def handle(self, firing: Firing) -> Done | Failed | Defer:
        """Do what the task asks for; indexing takes until night."""
        match firing.task.name:
            case "Ask where the parcel is":
                await self._work(2)
                return Defer(START + timedelta(minutes=62), "The office opens at eight.")
            case "Back up the photographs":
                await self._work(11)
                return Failed("The drive is full.")
            case "Index the archive":
                firing.progress(0.62, "1,922 of 3,100 cards")
                await self.night.wait()
            case _:
                await self._work(4)
        return Done("Nothing new.")

    async def _work(self, seconds: float) -> None:
        await self._clock.wait(self._clock.now() + timedelta(seconds=seconds), asyncio.Event())


def tasks() -> list[ScheduleRequest]:
    """Return what the agent has scheduled."""

    def once(name: str, seconds: int) -> ScheduleRequest:
        return ScheduleRequest(name, name, name, "thought_monday", START + timedelta(seconds=seconds))

    def again(name: str, cron: str) -> ScheduleRequest:
        return ScheduleRequest(name, name, name, "thought_monday", None, cron, timezone="Europe/Berlin")

    return [
        once("Index the archive", 30),
        once("Ask where the parcel is", 60),
        once("Back up the photographs", 90),
        again("Morning briefing", "0 9 * * mon-fri"),
        again("Look at the inbox", "15,45 8-18 * * mon-fri"),
        again("Water the beds", "30 18 * * *"),
    ]


class FixedTime(datetime):
    """The present moment, as the view asks for it."""

    moment = START

    @classmethod
    def now(cls, tz: object = None) -> datetime:
        """Return the moment of the picture."""
        del tz
        return cls.moment


async def picture() -> str:
    """Play two minutes, and return the view at their end as SVG."""
    clock = VirtualClock(START)
    wren = Wren(clock)
    watch.datetime = FixedTime
    view = watch.LiveView("./agent-memory")
    screen = Console(
        record=True,
        width=118,
        height=40,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
        emoji=False,
    )
    async with TaskSchedulerService(":memory:", clock, handler=wren.handle) as service:
        await service.schedule_tasks(tasks())
        for seconds, kind, count in _STEPS:
            clock.set(START + timedelta(seconds=seconds))
            await _until(service, kind, count)
        FixedTime.moment = START + timedelta(seconds=161)
        page = await service.read_events("0")
        await view.show(SimpleNamespace(running=True, scheduler=service), page.events)  # pyright: ignore[reportArgumentType]
        screen.print(view.drawn())
        wren.night.set()
    return _CDN_FONT.sub("", screen.export_svg(title="remembrancer watch", unique_id="watch"))


async def _until(service: TaskSchedulerService, kind: str, count: int) -> None:
    """Wait until so many events of a kind are in the log."""
    while sum(event.kind == kind for event in (await service.read_events("0")).events) < count:  # noqa: ASYNC110 (another task writes them)
        await asyncio.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(asyncio.run(picture()) + "\n", encoding="utf-8")
