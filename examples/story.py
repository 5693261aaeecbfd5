"""The two halves of the day: a process that is killed in the middle of its work, and one that recovers it."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from agent import ARCHIVE, BRIEFING, INBOX, INVOICE, MONDAY, NEWSLETTER, RAIN, WATERING, Report, Wren, promises
from fast_clock import FastClock, at

from remembrancer import SchedulerOptions, TaskSchedulerService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SPEED: Final = 3600.0
"""An hour of the day in a second."""
_OPTIONS: Final = SchedulerOptions(lease_seconds=timedelta(hours=3).total_seconds(), shutdown_timeout_seconds=1)
_HOUR: Final = timedelta(hours=1).total_seconds()
_Playing = tuple[TaskSchedulerService, FastClock]


@asynccontextmanager
async def _scheduler(
    folder: Path, start: datetime, report: Report
) -> AsyncIterator[tuple[TaskSchedulerService, FastClock]]:
    """Run a scheduler on the graph in *folder* from the moment *start* of the simulated day."""
    clock = FastClock(start, SPEED)
    service = TaskSchedulerService(folder, clock, _HOUR, Wren(clock, report).handle, options=_OPTIONS)
    passing = asyncio.ensure_future(clock.run())
    try:
        async with service:
            yield service, clock
    finally:
        passing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await passing


async def play_morning(folder: Path, report: Report) -> None:
    """Play until twenty to twelve, then wait with two handlers running: the end comes from outside."""
    async with _scheduler(folder, MONDAY, report) as (service, clock):
        replies = await service.schedule_tasks(promises())
        ids = {reply.name: reply.task_id for reply in replies}
        report(clock.now(), "note", f"Wren writes down what it has promised: {len(replies)} tasks, one commit.")
        first = next(reply for reply in replies if reply.name == BRIEFING).next_fires[0]
        text = f"Summer time began yesterday, so seven in Berlin is {first:%H:%M} UTC from today."
        report(clock.now(), "note", text)
        await clock.until("07:10")
        reason = "Rain until six; look at the soil after that."
        await service.schedule_deferred_task(RAIN, ids[WATERING], at(MONDAY, "18:30"), reason)
        text = f"[b]{WATERING}[/b]  That thought decides: put off from 17:00 to 18:30. {reason}"
        report(clock.now(), "deferred", text)
        await clock.until("09:40")
        await service.cancel_task(ids[NEWSLETTER], "Ines found the wrong date in it.")
        report(clock.now(), "cancelled", f"[b]{NEWSLETTER}[/b]  Ines found the wrong date in it: stopped, in time.")
        await clock.until("11:40")
        report(clock.now(), "crash", f"{ARCHIVE} and {INVOICE} are both under way.")
        await asyncio.Event().wait()


async def play_afternoon(folder: Path, report: Report) -> None:
    """Reopen the graph at ten past two, recover, and play the day to its end."""
    async with _scheduler(folder, at(MONDAY, "14:10"), report) as (service, clock):
        await _report_recovery(service, clock, report)
        await clock.until("15:20")
        inbox = next(task for task in await service.get_scheduled_tasks() if task.name == INBOX)
        report(clock.now(), "note", "Ines cannot wait for half past: run it now, please.")
        await service.run_now(inbox.task_id)
        await clock.until("19:00")
        report(clock.now(), "note", "Wren closes the graph. Tomorrow at seven it will brief again.")


async def _report_recovery(service: TaskSchedulerService, clock: FastClock, report: Report) -> None:
    """Say what the new process found, as the graph has it."""
    while not any(execution.status == "missed" for execution in await service.history()):  # noqa: ASYNC110 (the graph sets no event)
        await asyncio.sleep(0.01)  # the clock waits until the first tick is over
    await clock.until("14:11")
    names = {task.task_id: task.name for task in await service.find_tasks()}
    for execution in sorted(await service.history(), key=lambda each: each.nominal_at):
        name = names[execution.task_id]
        if execution.reason_code == "lease_expired":
            report(clock.now(), "failed", f"[b]{name}[/b]  Lost in the crash. {_AFTER_LOSS[name]}")
        elif execution.status == "missed":
            text = f"{execution.occurrences} looks fell into the outage. The one of two o'clock stands for them all."
            report(clock.now(), "missed", f"[b]{name}[/b]  {text}")


_AFTER_LOSS: Final = {
    ARCHIVE: "It may be done twice, so it is tried again.",
    INVOICE: "Paying twice would be worse than paying late: it is not repeated, and Ines is asked.",
}
