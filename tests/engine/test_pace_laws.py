"""An agent-paced task among ticks, outages, restarts and edits, against a model: one check ahead, as was answered."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from remembrancer import Done, Failed, Paced, TaskSchedulerService
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from remembrancer import Firing

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTES = st.integers(1, 400)
BOUNDS = st.sampled_from([(5, 60), (1, 600), (30, 30), (60, 1440)])
ANSWERS = st.one_of(st.none(), st.just("fails"), st.just("wrong"), st.integers(0, 2000))


class Pace(RuleBasedStateMachine):
    """The scheduler, and a model that knows when the next check is."""

    @initialize(bounds=BOUNDS, wait=st.integers(0, 90))
    def begin(self, bounds: tuple[int, int], wait: int) -> None:
        self.loop, self.clock, self.folder = (
            asyncio.new_event_loop(),
            VirtualClock(START),
            tempfile.TemporaryDirectory(),
        )
        self.answer: int | str | None = None
        self.bounds, self.due = bounds, START + timedelta(minutes=wait)
        self.is_paused = self.is_skipped = False
        self.expected: list[tuple[datetime, str]] = []
        self.open()
        made = self.service.schedule_task(
            "Watch", "g", "p", "t", schedule=self.value(), defer_until=self.due if wait else None
        )
        self.task_id = self.run(made).task_id

    def value(self) -> Paced:
        return Paced(*(f"{each}m" for each in self.bounds))

    def open(self) -> None:
        self.service = TaskSchedulerService(self.folder.name + "/graph", self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)
        self.run(self.checker.__aenter__())

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(doing, 60))

    async def handle(self, firing: Firing) -> Done | Failed:
        if self.answer == "fails":
            return Failed("It did not work.")
        asked = self.answer if self.answer is None or self.answer == "wrong" else f"{self.answer}m"
        return Done(next_check=asked)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def after_run(self) -> datetime:
        """The next check after a run that ends now."""
        least, most = self.bounds
        minutes = self.answer if isinstance(self.answer, int) else most
        return self.now + timedelta(minutes=min(max(minutes, least), most))

    def after_skip(self) -> datetime:
        return self.now + timedelta(minutes=self.bounds[1])

    @rule(minutes=MINUTES, ticks=st.integers(1, 2))
    def time_goes_by(self, minutes: int, ticks: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))
        for _ in range(ticks):
            self.run(self.checker.tick())
        if self.is_paused or self.due > self.now:
            return
        self.expected.append((self.due, "skipped" if self.is_skipped else "ran"))
        self.due = self.after_skip() if self.is_skipped else self.after_run()
        self.is_skipped = False

    @rule(answer=ANSWERS)
    def the_answer_changes(self, answer: int | str | None) -> None:
        self.answer = answer

    @rule()
    def the_process_restarts(self) -> None:
        self.run(self.checker.__aexit__())
        self.open()

    @rule()
    def a_pause_begins(self) -> None:
        self.run(self.service.pause_task(self.task_id))
        self.is_paused = True

    @precondition(lambda self: getattr(self, "is_paused", False))
    @rule(skip=st.booleans())
    def a_pause_ends(self, *, skip: bool) -> None:
        self.run(self.service.resume_task(self.task_id, on_missed="skip" if skip else "run_once"))
        self.is_paused = False
        if skip and self.due < self.now:
            self.run(self.checker.tick())
            self.expected.append((self.due, "skipped"))
            self.due, self.is_skipped = self.after_skip(), False

    @precondition(lambda self: not getattr(self, "is_paused", True) and self.due > self.now)
    @rule()
    def the_next_check_is_skipped(self) -> None:
        self.run(self.service.skip_next(self.task_id))
        self.is_skipped = True

    @precondition(lambda self: not getattr(self, "is_skipped", True))
    @rule(bounds=BOUNDS)
    def the_bounds_change(self, bounds: tuple[int, int]) -> None:
        before, self.bounds = self.bounds, bounds
        self.run(self.service.update_task(self.task_id, schedule=self.value()))
        if bounds != before:
            self.due = min(self.due, self.after_skip())

    @rule()
    def a_run_by_hand(self) -> None:
        self.run(self.service.run_now(self.task_id))
        self.run(self.service.idle())
        if isinstance(self.answer, int) and self.after_run() < self.due:
            self.due, self.is_skipped = self.after_run(), False

    def teardown(self) -> None:
        if not hasattr(self, "task_id"):
            return
        task = self.run(self.service.get_task(self.task_id))
        assert task.next_check_ms == task.nominal_ms == int(self.due.timestamp() * 1000)
        assert task.next_run_ms == (None if self.is_paused else task.nominal_ms)
        made = reversed(self.run(self.service.history(self.task_id, limit=1000)))
        found = [each for each in made if each.execution_type != "manual_trigger"]
        words = {"completed": "ran", "failed": "ran", "skipped": "skipped"}
        assert [(each.nominal_at, words[each.status]) for each in found] == self.expected
        assert all(each.next_check_at for each in found if each.status != "skipped")
        self.run(self.checker.__aexit__())
        self.loop.close()
        self.folder.cleanup()


Pace.TestCase.settings = settings(max_examples=20, stateful_step_count=14, deadline=None, phases=[Phase.generate])
TestPace = Pace.TestCase
