"""Searches of the tasks that wait for one thing begin above what has left the index, and miss no wait."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.stores.due_times.wait_floors import WaitFloors
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer.ports.handler import Firing

THING, END = "limit:key:K|", "limit:key:K}"
FIRST, LATER = f"{THING}000000000000100|task_b", f"{THING}000000000000200|task_c"


def test_a_search_begins_above_what_was_found_last() -> None:
    floors = WaitFloors()
    floors.end_read(floors.begin_read(THING, 0.0), LATER, END, 1.0)
    above = floors.begin_read(THING, 2.0).above

    assert FIRST < above < LATER


def test_a_search_finds_what_began_to_wait_since() -> None:
    floors = WaitFloors()
    floors.end_read(floors.begin_read(THING, 0.0), LATER, END, 1.0)
    floors.lower([THING])

    assert floors.begin_read(THING, 2.0).above == THING


def test_a_search_finds_what_has_changed_its_place() -> None:
    floors = WaitFloors()
    floors.end_read(floors.begin_read(THING, 0.0), LATER, END, 1.0)
    floors.clear()

    assert floors.begin_read(THING, 2.0).above == THING


def test_a_search_proves_nothing_if_a_wait_begins_meanwhile() -> None:
    floors = WaitFloors()
    read = floors.begin_read(THING, 0.0)
    floors.lower([THING])
    floors.end_read(read, LATER, END, 1.0)

    assert floors.begin_read(THING, 2.0).above == THING


def test_a_search_begins_at_the_front_in_the_end() -> None:
    floors = WaitFloors()
    floors.end_read(floors.begin_read(THING, 0.0), FIRST, END, 1.0)
    floors.end_read(floors.begin_read(THING, 2.0), LATER, END, 2.0)

    assert floors.begin_read(THING, 10.9).above > THING
    assert floors.begin_read(THING, 11.0).above == THING


def test_things_that_nothing_waits_for_need_no_floor() -> None:
    floors = WaitFloors()
    floors.end_read(floors.begin_read(THING, 0.0), None, END, 1.0)

    assert floors.begin_read(THING, 2.0).above == THING


async def test_an_urgent_task_overtakes_those_served_so_far(tmp_path: Path) -> None:
    clock, ran = VirtualClock(), list[str]()

    async def note(firing: Firing) -> None:
        ran.append(firing.task.name)

    def asked(name: str, **fields: Any) -> ScheduleRequest:
        return ScheduleRequest(name, "goal", "prompt", "thought", "in 30s", concurrency_key="K", **fields)

    service = TaskSchedulerService(tmp_path / "graph", time_service=clock, handler=note)
    await service.open()  # driven by hand: nothing ticks in between
    try:
        scheduler: Any = service._process.scheduler
        await service.set_limit("K", 0)
        tasks = await service.schedule_tasks([asked(f"Task {number}") for number in range(6)])
        clock.advance(timedelta(minutes=1))
        await scheduler.tick()
        await service.set_limit("K", 1)
        while len(ran) < 3:
            await scheduler.tick()
            await scheduler.idle()
        last = next(each for each in tasks if each.name not in ran)
        waiting = [each for each in tasks if each.name not in {*ran, last.name}]
        await service.update_task(waiting[-1].task_id, priority=9)
        while len(ran) < 6:
            await scheduler.tick()
            await scheduler.idle()
    finally:
        await service.close()

    assert ran.index(waiting[-1].name) <= 4  # one slot was taken before it waited again
    assert sorted(ran) == sorted(each.name for each in tasks)
