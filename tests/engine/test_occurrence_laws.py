"""Skips, additions, moves and backfills among ticks, pauses, updates and outages: each occurrence has one outcome."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cronsim import CronSim
from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from remembrancer import TaskSchedulerService
from remembrancer.model.policy import Misfire
from remembrancer.model.timestamps import from_ms
from remembrancer.policies.additions import pending_additions
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from remembrancer import Execution, Firing, ScheduledTask

START = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)
MINUTES = st.integers(1, 150)
CRONS = st.sampled_from(["*/20 * * * *", "7 * * * *", "0 */3 * * *"])
MILLISECOND = timedelta(milliseconds=1)


class Occurrences(RuleBasedStateMachine):
    """One recurring task, whose single occurrences people change; `owed` is what the test knows of them."""

    @initialize(cron=CRONS, misfire=st.sampled_from(Misfire), grace=st.sampled_from([0.0, 60.0]))
    def begin(self, cron: str, misfire: Misfire, grace: float) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = VirtualClock(START)
        self.calls: list[str] = []
        self.service = TaskSchedulerService(":memory:", self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)
        self.run(self.checker.__aenter__())
        choices: dict[str, Any] = {"misfire": misfire, "misfire_grace_seconds": grace}
        made = self.run(self.service.schedule_task("Task", "goal", "prompt", "t", schedule_cron=cron, **choices))
        self.task_id = made.task_id
        self.crons = [(START, cron)]
        self.added: set[datetime] = set()
        self.backfilled: set[datetime] = set()
        self.moved: dict[datetime, datetime] = {}

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(doing, 60))

    async def handle(self, firing: Firing) -> None:
        self.calls.append(firing.execution.execution_id)

    @property
    def task(self) -> ScheduledTask:
        return self.run(self.service.get_task(self.task_id))

    def named(self, until: datetime) -> set[datetime]:
        """Return the times that the schedules have named up to *until*."""
        found: set[datetime] = set()
        ends = [since for since, _ in self.crons[1:]] + [until]
        for (since, cron), end in zip(self.crons, ends, strict=True):
            for moment in CronSim(cron, since):
                if moment > end:
                    break
                found.add(moment)
        return found

    @rule(minutes=MINUTES)
    def time_goes_by(self, minutes: int) -> None:
        self.run(self.checker.tick(timedelta(minutes=minutes)))
        for _ in range(12):
            self.run(self.checker.tick())

    @rule(minutes=MINUTES)
    def a_while_without_a_tick(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    @rule(number=st.integers(0, 4))
    def skip(self, number: int) -> None:
        answer = self.run(self.service.skip_next(self.task_id, number))
        assert not set(answer.skipped) & set(answer.next_fires)

    @rule(minutes=st.integers(-30, 300))
    def add(self, minutes: int) -> None:
        at = None if minutes <= 0 else self.clock.now() + timedelta(minutes=minutes)
        answer = self.run(self.service.add_fire(self.task_id, at))
        (added,) = answer.added
        assert abs(added - (at or self.clock.now())) < timedelta(seconds=1)
        self.added.add(added)

    @rule(place=st.integers(0, 4), minutes=st.integers(-30, 300))
    def move(self, place: int, minutes: int) -> None:
        task = self.task
        fires = self.run(self.service.skip_next(self.task_id, 0)).next_fires
        if task.paused_at is not None or place >= len(fires):
            return
        to = self.clock.now() + timedelta(minutes=max(0, minutes), seconds=17)
        if to == fires[place]:
            return
        answer = self.run(self.service.reschedule(self.task_id, fires[place], to))
        (added,) = answer.added
        self.added.add(added)
        self.moved[added] = fires[place]

    @precondition(lambda self: not self.task.is_paused(self.clock.now()))
    @rule(minutes=MINUTES)
    def backfill(self, minutes: int) -> None:
        now = self.clock.now()
        answer = self.run(self.service.backfill(self.task_id, now - timedelta(minutes=minutes), now))
        assert len(answer.added) == answer.starts
        self.added |= set(answer.added)
        self.backfilled |= set(answer.added)

    @rule(minutes=st.none() | MINUTES)
    def pause(self, minutes: int | None) -> None:
        until = None if minutes is None else self.clock.now() + timedelta(minutes=minutes)
        self.run(self.service.pause_task(self.task_id, until, "Holidays"))

    @rule(on_missed=st.none() | st.sampled_from(Misfire))
    def resume(self, on_missed: Misfire | None) -> None:
        self.run(self.service.resume_task(self.task_id, on_missed))

    @rule(cron=CRONS)
    def update(self, cron: str) -> None:
        now = self.clock.now()
        before = pending_additions(self.task)
        if self.run(self.service.update_task(self.task_id, schedule_cron=cron)).changed:
            self.crons.append((now, cron))
        after = pending_additions(self.task)
        origins = [(each.cause, each.detail) for each in after]
        for each in before:
            if each not in after and (from_ms(each.at_ms) > now or (each.cause, each.detail) in origins):
                self.added.discard(from_ms(each.at_ms))  # its move has ended, or it comes after what was superseded
                assert each.cause == "rescheduled" or from_ms(each.at_ms) <= now
        self.added |= {from_ms(each.at_ms) for each in after}
        self.backfilled |= {from_ms(each.at_ms) for each in after if each.cause == "backfill"}

    @invariant()
    def every_occurrence_has_one_outcome(self) -> None:
        made: list[Execution] = self.run(self.service.history(limit=10_000))
        assert Counter(self.calls) == Counter(each.execution_id for each in made if each.status == "completed")
        task = self.task
        assert task.nominal_ms is not None
        place = datetime.fromtimestamp(task.nominal_ms / 1000, UTC)
        owed = {each for each in self.named(place) | self.added if each < place}
        served: Counter[datetime] = Counter()
        for each in made:
            last = each.last_nominal_at or each.nominal_at
            mine = [time for time in owed if each.nominal_at <= time <= last]
            assert len(mine) == each.occurrences, each
            served.update(mine)
            assert each.status == "completed" or (each.reason_code and each.reason)
            if each.cause is not None:
                assert each.nominal_at in self.added
            if each.status == "missed":
                assert not self.backfilled & set(mine)
        assert dict.fromkeys(owed, 1) == dict(served)

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.resume(None)
            for _ in range(20):
                self.time_goes_by(30)
            self.every_occurrence_has_one_outcome()
            task = self.task
            assert task.paused_at is None
            assert (task.next_run_ms or 0) > self.clock.now().timestamp() * 1000
        finally:
            self.run(self.checker.__aexit__())
            self.run(self.loop.shutdown_default_executor())
            self.loop.close()


Occurrences.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, phases=[Phase.generate], deadline=None
)
TestOccurrences = Occurrences.TestCase
