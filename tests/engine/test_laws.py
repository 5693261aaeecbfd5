"""A life of random acts, outages and crashes, against a plain model: nothing is lost, nothing fires twice."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from moments import Promise, stories

from remembrancer import Defer, Failed, TaskSchedulerService
from remembrancer.model.execution import ExecutionType, Reason
from remembrancer.model.policy import Misfire, OnLost
from remembrancer.model.timestamps import from_ms
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from remembrancer import Execution, Firing, ScheduledTask
    from remembrancer.ports.handler import HandlerReturn

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTES = st.integers(1, 200)


class Mood(StrEnum):
    """What the handler does from now on."""

    DONE = "COMPLETE"
    FAILS = "FAILED"
    WAITS = "open"


WAITS = timedelta(minutes=23)


@dataclass
class Known:
    """What the model knows of one task."""

    promise: Promise
    due: datetime | None = None
    """Of a one-time task: when it fires."""
    status: str = "open"
    by_hand: int = 0

    def pass_to(self, now: datetime, mood: Mood) -> None:
        """A checker does what is due *now*."""
        if self.status == "open" and self.due and self.due <= now:
            self.status = mood.value
            self.due = now + WAITS


def held_by(task: ScheduledTask) -> datetime:
    """Return the first moment that a live deferral holds: it is moved to behind that only."""
    holds = task.deferral_id and task.nominal_ms is not None and task.nominal_ms <= (task.next_run_ms or 0)
    return from_ms(task.nominal_ms or 0) if holds else START


class Life(RuleBasedStateMachine):
    """One graph, and what happens to it."""

    tasks = Bundle("tasks")

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="remembrancer-life-"))
        self.clock = VirtualClock(START)
        self.seen = START
        self.mood = Mood.DONE
        self.known: dict[str, Known] = {}
        self.calls: list[str] = []
        self.hangs = False
        self.open()
        self.schedule_recurring("*/20 * * * *", Misfire.RUN_ONCE, 5, 60.0)

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(doing, 300))

    def open(self) -> None:
        self.service = TaskSchedulerService(self.folder / "graph", self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)
        self.run(self.checker.__aenter__())
        self.run(self.service.idle())

    async def handle(self, firing: Firing) -> HandlerReturn:
        self.calls.append(firing.execution.execution_id)
        if self.hangs:
            await asyncio.Event().wait()
        match self.mood:
            case Mood.FAILS:
                return Failed("It did not work")
            case Mood.WAITS:
                return Defer(self.clock.now() + WAITS, "Not just now")
            case _:
                return None

    @rule(mood=st.sampled_from(Mood))
    def from_now_on_the_handler(self, mood: Mood) -> None:
        self.mood = mood

    def schedule(self, **choices: Any) -> str:
        return self.run(self.service.schedule_task("Task", "goal", "prompt", "thought", **choices)).task_id

    @rule(target=tasks, minutes=MINUTES)
    def schedule_one_time(self, minutes: int) -> str:
        due = self.clock.now() + timedelta(minutes=minutes)
        task_id = self.schedule(defer_until=due)
        self.known[task_id] = Known(Promise(due), due)
        return task_id

    @rule(
        target=tasks,
        cron=st.sampled_from(["*/20 * * * *", "7 * * * *", "0 */3 * * *", "*/7 8-12 * * *"]),
        misfire=st.sampled_from(Misfire),
        limit=st.integers(1, 20),
        grace=st.sampled_from([0.0, 60.0, 3600.0]),
    )
    def schedule_recurring(self, cron: str, misfire: Misfire, limit: int, grace: float) -> str:
        task_id = self.schedule(schedule_cron=cron, misfire=misfire, misfire_limit=limit, misfire_grace_seconds=grace)
        self.known[task_id] = Known(Promise(cron=cron, since=self.clock.now()))
        return task_id

    @rule(minutes=st.integers(20, 400))
    def an_outage(self, minutes: int) -> None:
        self.time_goes_by(minutes)

    @rule(minutes=st.integers(1, 30))
    def a_while(self, minutes: int) -> None:
        self.time_goes_by(minutes)

    @rule(minutes=st.integers(1, 200))
    def a_while_in_which_nobody_looks(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    def time_goes_by(self, minutes: int) -> None:
        self.run(self.checker.tick(timedelta(minutes=minutes)))
        self.seen = self.clock.now()
        for task in self.known.values():
            task.pass_to(self.seen, self.mood)

    @rule(task_id=tasks, minutes=MINUTES)
    def defer(self, task_id: str, minutes: int) -> None:
        """Put off; what is put off already also to an earlier moment, but not to before what that holds."""
        known, now = self.known[task_id], self.clock.now()
        if known.status != "open":
            return
        task = self.run(self.service.get_task(task_id))
        behind = held_by(task) if task.deferral_id else from_ms(task.next_run_ms)
        until = timedelta(minutes=minutes) + max(now, behind)
        self.run(self.service.defer_task(task_id, until, "Not yet"))
        known.due = known.due and until

    @rule(task_id=tasks)
    def cancel(self, task_id: str) -> None:
        known = self.known[task_id]
        assert self.run(self.service.cancel_task(task_id)) == (known.status == "open")
        if known.status == "open":
            known.status = "CANCELLED"

    @rule(task_id=tasks)
    def run_now(self, task_id: str) -> None:
        known = self.known[task_id]
        if known.status == "open":
            until, held = self.clock.now() + WAITS, held_by(self.run(self.service.get_task(task_id)))
            self.run(self.service.run_now(task_id))
            self.run(self.service.idle())
            known.by_hand += 1
            if self.mood is Mood.WAITS and known.due and until > held:
                known.due = until

    @rule()
    def reopen(self) -> None:
        self.run(self.checker.__aexit__())
        self.open()

    @rule(target=tasks, on_lost=st.sampled_from(OnLost))
    def crash(self, on_lost: OnLost) -> str:
        """The graph is taken away beneath a running handler; a new service must take over."""
        self.time_goes_by(0)  # nothing else is due
        self.hangs = True
        now = self.clock.now()
        task_id = self.schedule(defer_until=now, on_lost=on_lost)
        self.run(self.crash_in_the_middle())
        self.hangs = False
        self.open()
        status = self.mood if on_lost is OnLost.RETRY else Mood.FAILS
        self.known[task_id] = Known(Promise(now), now + WAITS, status.value)
        return task_id

    async def crash_in_the_middle(self) -> None:
        before = len(self.calls)
        ticking = asyncio.create_task(self.checker.tick())
        while len(self.calls) == before:  # noqa: ASYNC110 (the handler has begun when it was called)
            await asyncio.sleep(0.001)
        store, scheduler = self.service._process.store, self.service._process.scheduler
        assert store
        assert scheduler
        await store.close()
        dispatch = scheduler._dispatch
        dispatch._cut_off = True  # as when the loop ends without a stop: nothing more is written
        while under_way := [*dispatch._runs.tasks, *dispatch._ledger._writes]:
            for each in under_way:
                each.cancel()
            await asyncio.sleep(0)
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)

    @invariant()
    def every_acknowledged_task_is_there_as_it_should_be(self) -> None:
        rows = self.run(self.service.cypher("MATCH (t:scheduled_task) RETURN t.task_id AS id, t.status AS status"))
        found = {row["id"]: "open" if row["status"] in {"PENDING", "ACTIVE"} else row["status"] for row in rows}
        assert found == {task_id: known.status for task_id, known in self.known.items()}
        open_tasks = sum(known.status == "open" for known in self.known.values())
        assert self.service._collect_custom_metrics()["active_tasks"] == open_tasks
        assert len(self.run(self.service.get_scheduled_tasks())) == open_tasks

    @invariant()
    def what_fired_has_one_outcome_and_nothing_fired_twice(self) -> None:
        made: Sequence[Execution] = self.run(self.service.history(limit=100_000))
        assert len({each.occurrence_key for each in made}) == len(made)
        assert "running" not in {each.status for each in made}
        waits = Reason.DEFERRED_BY_HANDLER
        ran = {e.execution_id for e in made if e.status in {"completed", "failed"} or e.reason_code is waits}
        assert sorted(self.calls) == sorted(ran)
        by_hand = Counter(each.task_id for each in made if each.execution_type is ExecutionType.MANUAL)
        assert by_hand == Counter({task_id: known.by_hand for task_id, known in self.known.items()})

    @invariant()
    def every_moment_that_came_has_one_outcome_and_a_reason(self) -> None:
        told = self.run(stories(self.service))
        for task_id, known in self.known.items():
            assert told[task_id].wrong(known.promise, self.seen) == []

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.time_goes_by(450)  # whatever is still ahead comes, and is accounted for
            self.every_acknowledged_task_is_there_as_it_should_be()
            self.what_fired_has_one_outcome_and_nothing_fired_twice()
            self.every_moment_that_came_has_one_outcome_and_a_reason()
        finally:
            self.run(self.checker.__aexit__())
            self.run(self.loop.shutdown_default_executor())
            self.loop.close()
            shutil.rmtree(self.folder)


Life.TestCase.settings = settings(max_examples=15, stateful_step_count=15)
TestLife = Life.TestCase
