"""Pauses, resumptions and updates at random times, mixed with deferrals and ticks: each occurrence has one outcome."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from moments import Promise, stories

from remembrancer import TaskSchedulerService
from remembrancer.model.policy import Misfire
from remembrancer.model.timestamps import from_ms
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from remembrancer import Execution, Firing, ScheduledTask

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTES = st.integers(1, 150)
CRONS = st.sampled_from(["*/20 * * * *", "7 * * * *", "*/7 8-12 * * *", "0 */3 * * *"])


class Edits(RuleBasedStateMachine):
    """One recurring task, and what people do to it."""

    @initialize(
        cron=CRONS, misfire=st.sampled_from(Misfire), limit=st.integers(1, 5), grace=st.sampled_from([0.0, 60.0])
    )
    def begin(self, cron: str, misfire: Misfire, limit: int, grace: float) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = VirtualClock(START)
        self.seen = START
        self.calls: list[str] = []
        self.service = TaskSchedulerService(":memory:", self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)
        self.run(self.checker.__aenter__())
        choices: dict[str, Any] = {"misfire": misfire, "misfire_limit": limit, "misfire_grace_seconds": grace}
        made = self.run(self.service.schedule_task("Task", "goal", "prompt", "t", schedule_cron=cron, **choices))
        self.task_id = made.task_id
        self.crons = [(START, cron)]
        self.is_open = True

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(doing, 60))

    async def handle(self, firing: Firing) -> None:
        task = await self.service.get_task(firing.task.task_id)
        assert not task.is_paused(self.clock.now())
        self.calls.append(firing.execution.execution_id)

    @property
    def task(self) -> ScheduledTask:
        return self.run(self.service.get_task(self.task_id))

    @rule(minutes=MINUTES)
    def time_goes_by(self, minutes: int) -> None:
        self.run(self.checker.tick(timedelta(minutes=minutes)))
        for _ in range(3):
            self.run(self.checker.tick())
        self.seen = self.clock.now()

    @rule(minutes=MINUTES)
    def a_while_without_a_tick(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    @precondition(lambda self: self.is_open)
    @rule(minutes=st.none() | MINUTES)
    def pause(self, minutes: int | None) -> None:
        until = None if minutes is None else self.clock.now() + timedelta(minutes=minutes)
        self.run(self.service.pause_task(self.task_id, until, "Holidays"))

    @precondition(lambda self: self.is_open)
    @rule(on_missed=st.none() | st.sampled_from(Misfire))
    def resume(self, on_missed: Misfire | None) -> None:
        self.run(self.service.resume_task(self.task_id, on_missed))

    @precondition(lambda self: self.is_open and not self.task.is_paused(self.clock.now()))
    @rule(minutes=MINUTES)
    def defer(self, minutes: int) -> None:
        task = self.task
        least = max(self.clock.now(), from_ms(max(task.next_run_ms or 0, task.nominal_ms or 0)))
        self.run(self.service.defer_task(self.task_id, least + timedelta(minutes=minutes), "Not yet"))

    @precondition(lambda self: self.is_open)
    @rule(cron=CRONS)
    def update(self, cron: str) -> None:
        now = self.clock.now()
        answer = self.run(self.service.update_task(self.task_id, schedule_cron=cron))
        if answer.changed:
            self.crons.append((now, cron))
            self.seen = now  # what was due is accounted for

    @property
    def promise(self) -> Promise:
        """The schedules that the task has had, one after the other."""
        promise, until = None, None
        for since, cron in reversed(self.crons):
            promise, until = Promise(cron=cron, since=since, until=until, then=promise), since
        assert promise
        return promise

    @precondition(lambda self: self.is_open)
    @rule()
    def cancel(self) -> None:
        self.run(self.service.cancel_task(self.task_id))
        self.is_open = False

    @invariant()
    def every_occurrence_has_one_outcome(self) -> None:
        made: Sequence[Execution] = self.run(self.service.history(limit=10_000))
        assert Counter(self.calls) == Counter(each.execution_id for each in made if each.status == "completed")
        assert self.run(stories(self.service))[self.task_id].wrong(self.promise, self.seen) == []

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            if self.is_open:
                self.resume(None)
            self.time_goes_by(200)
            self.time_goes_by(1)
            self.every_occurrence_has_one_outcome()
            task = self.task
            assert task.paused_at is None
            assert not self.is_open or (task.next_run_ms or 0) > self.clock.now().timestamp() * 1000
        finally:
            self.run(self.checker.__aexit__())
            self.run(self.loop.shutdown_default_executor())
            self.loop.close()


Edits.TestCase.settings = settings(max_examples=25, stateful_step_count=15, phases=[Phase.generate])
TestEdits = Edits.TestCase
