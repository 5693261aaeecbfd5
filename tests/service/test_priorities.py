"""Priority: the more urgent of those that wait together is served first, and none waits without end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from remembrancer import Done, InvalidInput, SchedulerOptions, TaskSchedulerService
from remembrancer.model.priority import LEVEL_MS, MOST, served_ms
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from remembrancer import Firing
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)
LEVEL = timedelta(milliseconds=LEVEL_MS)
ONE = SchedulerOptions(max_concurrent_handlers=1)


class Notes:
    """A handler that notes the names of what it is given, one after the other."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    async def __call__(self, firing: Firing) -> Done:
        self.begun.append(firing.task.name)
        return Done()


async def scheduled(service: Any, name: str, when: str, **fields: Any) -> str:
    return (await service.schedule_task(name, "goal", "prompt", "thought", when, **fields)).task_id


@given(
    first=st.tuples(st.integers(0, 10**13), st.integers(0, 9)),
    second=st.tuples(st.integers(0, 10**13), st.integers(0, 9)),
)
def test_a_task_is_overtaken_by_what_is_due_within_nine_levels(first: tuple[int, int], second: tuple[int, int]) -> None:
    if first[0] <= second[0] and served_ms(*second) < served_ms(*first):
        assert second[1] > first[1]
        assert second[0] - first[0] < MOST * LEVEL_MS


async def test_priority_is_checked_and_the_usual_one_is_not_kept(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        for wrong in (-1, 10, 2.5, True, "high"):
            with pytest.raises(InvalidInput, match="priority"):
                await scheduled(service, "Task", "in 1m", priority=wrong)
        usual = await service.get_task(await scheduled(service, "Task", "in 1m", priority=5))
        assert (usual.priority, usual.served_priority) == (None, None)
        urgent = await service.get_task(await scheduled(service, "Task", "in 1m", priority=8))
        assert (urgent.priority, urgent.served_priority) == (8, 8)
        changed = await service.update_task(urgent.task_id, priority=None)
        assert (changed.priority, changed.served_priority) == (None, None)
        assert changed.changed["priority"].before == 8


@pytest.mark.parametrize("key", [None, "db"])
async def test_the_more_urgent_go_first(graph: str, clock: VirtualClock, key: str | None) -> None:
    notes = Notes()
    service = TaskSchedulerService(graph, clock, handler=notes, options=ONE)
    async with ManualScheduler(service, clock) as scheduler:
        fields: dict[str, Any] = {} if key is None else {"concurrency_key": key}
        if key is not None:
            await service.set_limit(key, 0)
        for number in range(3):
            await scheduled(service, f"Plain {number}", f"in {10 + number}s", **fields)
            await scheduled(service, f"Idle {number}", f"in {10 + number}s", priority=1, **fields)
            await scheduled(service, f"Urgent {number}", f"in {20 + number}s", priority=7, **fields)
        await scheduled(service, "Most urgent", "in 30s", priority=9, **fields)
        await scheduler.tick(MINUTE)
        if key is not None:
            assert notes.begun == []
            await service.set_limit(key, 1)
            await scheduler.tick()
        assert notes.begun == [
            "Most urgent",
            *(f"{kind} {number}" for kind in ("Urgent", "Plain", "Idle") for number in range(3)),
        ]


async def test_an_idle_task_is_served_although_urgent_ones_keep_coming(graph: str, clock: VirtualClock) -> None:
    """Ageing: one handler at a time, and more urgent work than it can do, without end."""
    begun: list[tuple[str, timedelta]] = []
    start = clock.now()

    async def work(firing: Firing) -> Done:
        begun.append((firing.task.name, firing.execution.nominal_at - start))
        if not any(name == "Idle" for name, _ in begun):
            assert len(begun) < 100, "it starves"
            clock.advance(LEVEL)
            for _ in range(2):  # two come while one is done
                await scheduled(service, "Urgent", "in 1s", priority=9)
        return Done()

    service = TaskSchedulerService(graph, clock, handler=work, options=ONE)
    async with ManualScheduler(service, clock) as scheduler:
        await scheduled(service, "Idle", "in 1s", priority=0)
        for number in range(12):
            await scheduled(service, "Urgent", f"in {2 + number}s", priority=9)
        await scheduler.tick(MINUTE)
        before = begun[: [name for name, _ in begun].index("Idle")]
        assert len(before) >= 12, "it is overtaken"
        assert max(due for _, due in before) < 9 * LEVEL + timedelta(seconds=1), "but not by what comes later"
        assert len(begun) > 20, "while urgent ones were there all the time"


async def test_a_task_never_runs_before_its_time(graph: str, clock: VirtualClock) -> None:
    notes = Notes()
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=notes), clock) as scheduler:
        await scheduled(scheduler.service, "Urgent", "in 2m", priority=9)
        await scheduled(scheduler.service, "Idle", "in 1m", priority=0)
        await scheduler.tick(MINUTE)
        assert notes.begun == ["Idle"]
        await scheduler.tick(MINUTE)
        assert notes.begun == ["Idle", "Urgent"]
