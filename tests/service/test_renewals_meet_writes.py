"""A calendar that is renewed after a write has read it, and before that write commits: no task keeps the old one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Calendar, Cron, Except, SchedulerOptions
from remembrancer.bootstrap import open_store
from remembrancer.model.calendar import CalendarSource
from remembrancer.model.request import ScheduleRequest
from remembrancer.operations.calendars.calendar_content import CalendarSpec
from remembrancer.operations.sets.task_sets import Declaration
from remembrancer.operations.task_commands import TaskCommands
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from remembrancer.ports.graph import Graph

BEGIN = datetime(2026, 12, 21, 6, tzinfo=UTC)
"""A Monday."""
BUT_CLOSED = Except(Cron("0 9 * * *"), [Calendar("closed")])
FIELDS: Any = {"name": "Tea", "goal_description": "goal", "trigger_prompt": "prompt", "origin_thought_id": "t"}
DAILY = Cron("0 9 * * *")


class RenewedMeanwhile:
    """The tasks of a graph; the next write of one of the kinds waits until the calendar is renewed and all is done."""

    def __init__(self, tasks: Any, commands: TaskCommands) -> None:
        self._tasks = tasks
        self._commands = commands
        self.is_armed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tasks, name)

    async def create(self, tasks: Any, **more: Any) -> bool:
        await self._renew()
        return await self._tasks.create(tasks, **more)

    async def edit(self, edits: Any) -> Sequence[bool]:
        await self._renew()
        return await self._tasks.edit(edits)

    async def _renew(self) -> None:
        if self.is_armed:
            self.is_armed = False
            await self._commands.calendars.renew("closed", ics=None, dates=["2026-12-21"], years=None, dry_run=False)


@pytest.fixture
async def store(graph: str) -> AsyncIterator[Graph]:
    opened = await open_store(graph)
    yield opened
    await opened.close()


@pytest.fixture
async def commands(store: Graph) -> TaskCommands:
    """Commands over a graph with the calendar `closed`, which is renewed beside the next write."""

    async def stops_nothing(_: str) -> list[str]:
        return []

    made = TaskCommands(store, VirtualClock(BEGIN), SchedulerOptions(), lambda task: task, stops_nothing)
    dates = CalendarSpec(CalendarSource.DATES, None, None, None, None, ["2026-12-24"], 5, None)
    await made.calendars.define("closed", dates)
    store.tasks = RenewedMeanwhile(store.tasks, made)  # pyright: ignore[reportAttributeAccessIssue]
    return made


def asked(schedule: Any, **fields: Any) -> ScheduleRequest:
    return ScheduleRequest(**FIELDS, schedule=schedule, **fields)


def renewed_beside(store: Graph) -> None:
    store.tasks.is_armed = True  # pyright: ignore[reportAttributeAccessIssue]


async def first_day(store: Graph, task_id: str) -> int:
    """Return the day of the next fire, as the graph keeps it."""
    task = await store.tasks.get(task_id)
    assert task.next_run_ms is not None
    return datetime.fromtimestamp(task.next_run_ms / 1000, UTC).day


async def test_a_new_task_has_the_calendar_renewed_meanwhile(store: Graph, commands: TaskCommands) -> None:
    renewed_beside(store)
    made, plain = await commands.schedule([asked(BUT_CLOSED), asked(DAILY)])
    again = await commands.schedule([asked(BUT_CLOSED)])

    assert await first_day(store, made.task_id) == made.next_fires[0].day == 22
    assert await first_day(store, plain.task_id) == 21
    assert again[0].next_fires == made.next_fires
    assert [each async for page in store.calendars.outdated() for each in page] == []
    entries = await store.audit.of_task(made.task_id)
    assert entries[-1].reason == "The calendar closed was renewed while the task was written."


async def test_an_updated_task_has_the_calendar_renewed_meanwhile(store: Graph, commands: TaskCommands) -> None:
    (task,) = await commands.schedule([asked(DAILY)])
    renewed_beside(store)
    answer = await commands.edits.update(task.task_id, {"schedule": BUT_CLOSED}, None, None)

    assert await first_day(store, task.task_id) == answer.next_fires[0].day == 22


async def test_tasks_updated_together_have_the_renewed_calendar(store: Graph, commands: TaskCommands) -> None:
    tasks = await commands.schedule([asked(DAILY, tags=["tea"]), asked(DAILY, tags=["tea"])])
    renewed_beside(store)
    await commands.many.update({"schedule": BUT_CLOSED}, None, dry_run=False, tags=["tea"])

    assert [await first_day(store, task.task_id) for task in tasks] == [22, 22]


async def test_a_declared_task_has_the_calendar_renewed_meanwhile(store: Graph, commands: TaskCommands) -> None:
    renewed_beside(store)
    answer = await commands.sets.apply(Declaration("kitchen", {"tea": {**FIELDS, "schedule": BUT_CLOSED}}))
    (told,) = answer.tasks

    assert told.task_id is not None
    assert await first_day(store, told.task_id) == 22
