"""Edits of many tasks against the same edits one by one: two graphs with one clock stay alike."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Misfire
from remembrancer.model.task_status import OPEN_STATUSES
from remembrancer.ports.filters import TaskMatch
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from remembrancer import ScheduledTask, TaskSelection

    Edit = Callable[[TaskSchedulerService, str], Awaitable[object]]

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTES = st.integers(1, 150)
TAGS = st.lists(st.sampled_from(["a", "b"]), unique=True)
GROUPS = st.sampled_from([None, "g", "h"])
TASKS = st.lists(st.tuples(st.sampled_from(["*/20 * * * *", "7 * * * *", None]), TAGS, GROUPS), min_size=1, max_size=6)
WHICH = st.one_of(
    st.just({"all": True}),
    st.builds(lambda tags: {"tags": tags}, st.lists(st.sampled_from(["a", "b"]), unique=True, min_size=1)),
    st.builds(lambda group: {"group": group}, st.sampled_from(["g", "h", "none"])),
    st.just({"text": "TASK 1"}),
)
CHANGES = st.sampled_from(
    [
        {"schedule_cron": "*/7 * * * *"},
        {"timezone": "Asia/Kolkata"},
        {"timeout_seconds": 5},
        {"tags": ["b"]},
        {"misfire": "skip"},
        {"group": None},
    ]
)
_OF_A_GRAPH = {"task_id", "deferral_id", "fence"}


class BulkEdits(RuleBasedStateMachine):
    """Some tasks in two graphs: in one they are edited together, in the other one by one."""

    @initialize(tasks=TASKS)
    def begin(self, tasks: list[tuple[str | None, list[str], str | None]]) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = VirtualClock(START)
        self.services = [TaskSchedulerService(":memory:", self.clock) for _ in range(2)]
        self.checkers = [ManualScheduler(service, self.clock) for service in self.services]
        requests = [
            ScheduleRequest(
                f"Task {place}",
                "goal",
                "prompt",
                "t",
                None if cron else START + timedelta(minutes=90),
                cron,
                tags=tags,
                group=group,
            )
            for place, (cron, tags, group) in enumerate(tasks)
        ]
        for checker in self.checkers:
            self.run(checker.__aenter__())
            self.run(checker.service.schedule_tasks(requests))

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(doing, 60))

    async def one_by_one(self, which: TaskSelection, edit: Edit) -> None:
        """Edit the tasks of the second graph that match, as a caller would."""
        match = TaskMatch(
            tags=tuple(which.get("tags", ())), group=which.get("group"), text=which.get("text"), name=which.get("name")
        )
        for task in await self.services[1].find_tasks(statuses=OPEN_STATUSES):
            if match.takes(task):
                try:
                    await edit(self.services[1], task.task_id)
                except InvalidInput:
                    continue

    @rule(minutes=MINUTES)
    def time_goes_by(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))
        for _ in range(3):
            for checker in self.checkers:
                self.run(checker.tick())

    @rule(minutes=MINUTES)
    def a_while_without_a_tick(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    @rule(which=WHICH, minutes=st.none() | MINUTES)
    def pause(self, which: TaskSelection, minutes: int | None) -> None:
        until = None if minutes is None else self.clock.now() + timedelta(minutes=minutes)
        self.run(self.services[0].pause_tasks(until, "Holidays", **which))
        self.run(self.one_by_one(which, lambda service, task_id: service.pause_task(task_id, until, "Holidays")))

    @rule(which=WHICH, on_missed=st.none() | st.sampled_from(Misfire))
    def resume(self, which: TaskSelection, on_missed: Misfire | None) -> None:
        self.run(self.services[0].resume_tasks(on_missed, **which))
        self.run(self.one_by_one(which, lambda service, task_id: service.resume_task(task_id, on_missed)))

    @rule(which=WHICH, changes=CHANGES)
    def update(self, which: TaskSelection, changes: Any) -> None:
        self.run(self.services[0].update_tasks(changes, **which))
        self.run(self.one_by_one(which, lambda service, task_id: service.update_task(task_id, **changes)))

    @rule(which=WHICH)
    def cancel(self, which: TaskSelection) -> None:
        if which.get("all"):
            return  # nothing would be left to edit
        self.run(self.services[0].cancel_tasks(**which))
        self.run(self.one_by_one(which, lambda service, task_id: service.cancel_task(task_id)))

    @rule(which=WHICH)
    def a_dry_run(self, which: TaskSelection) -> None:
        before = self.run(self.services[0].find_tasks())
        told = self.run(self.services[0].cancel_tasks(dry_run=True, **which))
        assert set(told.counts) <= {"changed"}
        assert self.run(self.services[0].find_tasks()) == before

    @invariant()
    def both_graphs_are_alike(self) -> None:
        one, other = (self.run(self.world(service)) for service in self.services)
        assert one == other

    async def world(self, service: TaskSchedulerService) -> tuple[object, ...]:
        """Return the tasks by their names, what became of their occurrences, and what was counted."""
        tasks = {task.task_id: task for task in await service.find_tasks()}
        history = [
            (tasks[each.task_id].name, each.nominal_at, each.status, each.occurrences, each.reason_code, each.reason)
            for each in await service.history(limit=10_000)
        ]
        counts = (await service._graph().statistics.lifetime()).counts
        counted = {name: count for name, count in counts.items() if "seconds" not in name}
        crons = await service.cypher("MATCH (c:cron_expression) RETURN c.expression AS cron, c.open_tasks AS tasks")
        return sorted(map(seen, tasks.values()), key=str), sorted(history, key=str), counted, sorted(map(str, crons))

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.time_goes_by(200)
            self.both_graphs_are_alike()
        finally:
            for checker in self.checkers:
                self.run(checker.__aexit__())
            self.run(self.loop.shutdown_default_executor())
            self.loop.close()


def seen(task: ScheduledTask) -> dict[str, object]:
    """Return a task without what differs from graph to graph."""
    return {name: value for name, value in vars(task).items() if name not in _OF_A_GRAPH}


BulkEdits.TestCase.settings = settings(max_examples=20, stateful_step_count=12, phases=[Phase.generate])
TestBulkEdits = BulkEdits.TestCase
