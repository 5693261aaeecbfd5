"""Chains of tasks among ticks, outages, restarts and pauses: each outcome has one occurrence that follows it."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from remembrancer import After, Failed, TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from remembrancer import Execution, Firing

START = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)
MINUTES = st.integers(1, 150)
ONS = st.sampled_from(["completed", "failed", "ended"])
DELAYS = st.sampled_from([None, "5m", "2h"])


class Chain(RuleBasedStateMachine):
    """A recurring task, one that follows it, and one that follows that."""

    @initialize(ons=st.tuples(ONS, ONS), delays=st.tuples(DELAYS, DELAYS))
    def begin(self, ons: tuple[str, str], delays: tuple[str | None, str | None]) -> None:
        self.loop, self.clock, self.failing = asyncio.new_event_loop(), VirtualClock(START), False
        self.folder = tempfile.TemporaryDirectory()
        self.open()
        self.ons = ons
        make = self.service.schedule_task
        self.ids = [self.run(make("Task", "g", "p", "t", schedule_cron="*/20 * * * *", misfire="run_all")).task_id]
        for on, delay in zip(ons, delays, strict=True):
            follow = After(self.ids[-1], delay, on)
            self.ids.append(self.run(make("Follower", "g", "p", "t", schedule=follow, misfire="run_all")).task_id)

    def open(self) -> None:
        self.service = TaskSchedulerService(self.folder.name + "/graph", self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)
        self.run(self.checker.__aenter__())

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(doing, 60))

    async def handle(self, firing: Firing) -> Failed | None:
        return Failed("It did not work.") if self.failing else None

    @rule(minutes=MINUTES, ticks=st.integers(0, 3))
    def time_goes_by(self, minutes: int, ticks: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))
        for _ in range(ticks):
            self.run(self.checker.tick())

    @rule()
    def the_handler_changes(self) -> None:
        self.failing = not self.failing

    @rule()
    def the_process_restarts(self) -> None:
        self.run(self.checker.__aexit__())
        self.open()

    @rule(place=st.integers(0, 2))
    def a_pause_begins(self, place: int) -> None:
        self.run(self.service.pause_task(self.ids[place]))

    @rule(place=st.integers(0, 2))
    def a_pause_ends(self, place: int) -> None:
        self.run(self.service.resume_task(self.ids[place], on_missed="run_all"))

    @rule(place=st.integers(0, 2))
    def a_run_by_hand(self, place: int) -> None:
        self.run(self.service.run_now(self.ids[place]))
        self.run(self.service.idle())

    def teardown(self) -> None:
        if not hasattr(self, "ids"):
            return
        self.run(self.service.pause_task(self.ids[0]))
        for follower in self.ids[1:]:
            self.run(self.service.resume_task(follower, on_missed="run_all"))
        for _ in range(8):
            self.run(self.checker.tick(timedelta(hours=1)))
        counted = {"completed": {"completed"}, "failed": {"failed"}, "ended": {"completed", "failed"}}
        for place, on in enumerate(self.ons):
            owed = sorted(
                each.execution_id
                for each in self.history(self.ids[place])
                if each.status in counted[on] and each.execution_type != "manual_trigger"
            )
            followers = self.history(self.ids[place + 1])
            held = [each for each in followers if each.execution_type != "manual_trigger"]
            assert sum(each.occurrences for each in held) == len(owed), (owed, followers)
            named = [(each.cause_detail or {})["execution_id"] for each in held if each.occurrences == 1]
            assert len(named) == len(set(named))
            assert set(named) <= set(owed)
        self.run(self.checker.__aexit__())
        self.loop.close()
        self.folder.cleanup()

    def history(self, task_id: str) -> list[Execution]:
        return self.run(self.service.history(task_id, limit=1000))


Chain.TestCase.settings = settings(max_examples=12, stateful_step_count=14, deadline=None, phases=[Phase.generate])
TestChain = Chain.TestCase
