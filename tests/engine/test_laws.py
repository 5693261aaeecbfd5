"""A life of random acts, outages and crashes, against a plain model: nothing is lost, nothing fires twice."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cronsim import CronSim
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from remembrancer import TaskSchedulerService
from remembrancer.model.execution import ExecutionType
from remembrancer.model.moment import from_ms
from remembrancer.model.policy import Misfire, OnLost
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from remembrancer import Execution, Firing

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTES = st.integers(1, 200)


@dataclass
class Known:
    """What the model knows of one task."""

    created: datetime
    cron: str | None = None
    due: datetime | None = None
    """Of a one-time task: when it fires."""
    status: str = "open"
    ended: datetime | None = None
    put_off_since: datetime | None = None
    """Of a recurring task: since when its moments are held over, and until when."""
    put_off_until: datetime | None = None
    by_hand: int = 0

    def pass_to(self, now: datetime) -> None:
        """Live on until *now*."""
        if self.status == "open" and self.due and self.due <= now:
            self.status, self.ended = "COMPLETE", self.due
        if self.put_off_until and self.put_off_until <= now:
            self.put_off_since = self.put_off_until = None

    def moments(self, now: datetime) -> list[datetime]:
        """The moments of the cron schedule that must be accounted for."""
        assert self.cron
        end = self.ended or now
        if self.put_off_since:
            end = min(end, self.put_off_since)
        found: list[datetime] = []
        for moment in CronSim(self.cron, self.created):
            if moment > end:
                break
            found.append(moment)
        return found


class Life(RuleBasedStateMachine):
    """One graph, and what happens to it."""

    tasks = Bundle("tasks")

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="remembrancer-life-"))
        self.clock = VirtualClock(START)
        self.known: dict[str, Known] = {}
        self.calls: list[str] = []
        self.hangs = False
        self.open()
        self.schedule_recurring("*/20 * * * *", Misfire.RUN_ONCE, 5, 60.0)

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(doing, 60))

    def open(self) -> None:
        self.service = TaskSchedulerService(self.folder / "graph", self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)
        self.run(self.checker.__aenter__())
        self.run(self.service.idle())

    async def handle(self, firing: Firing) -> None:
        self.calls.append(firing.execution.execution_id)
        if self.hangs:
            await asyncio.Event().wait()

    def schedule(self, **choices: Any) -> str:
        return self.run(self.service.schedule_task("Task", "goal", "prompt", "thought", **choices)).task_id

    @rule(target=tasks, minutes=MINUTES)
    def schedule_one_time(self, minutes: int) -> str:
        due = self.clock.now() + timedelta(minutes=minutes)
        task_id = self.schedule(defer_until=due)
        self.known[task_id] = Known(self.clock.now(), due=due)
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
        self.known[task_id] = Known(self.clock.now(), cron=cron)
        return task_id

    @rule(minutes=st.integers(20, 400))
    def an_outage(self, minutes: int) -> None:
        self.time_goes_by(minutes)

    @rule(minutes=st.integers(1, 30))
    def a_while(self, minutes: int) -> None:
        self.time_goes_by(minutes)

    def time_goes_by(self, minutes: int) -> None:
        self.run(self.checker.tick(timedelta(minutes=minutes)))
        for task in self.known.values():
            task.pass_to(self.clock.now())

    @rule(task_id=tasks, minutes=MINUTES)
    def defer(self, task_id: str, minutes: int) -> None:
        known, now = self.known[task_id], self.clock.now()
        if known.status != "open":
            return
        ahead = self.run(self.service.get_task(task_id)).next_run_ms
        until = from_ms(ahead) + timedelta(minutes=minutes)
        self.run(self.service.defer_task(task_id, until, "Not yet"))
        if known.cron:
            known.put_off_since, known.put_off_until = known.put_off_since or now, until
        else:
            known.due = until

    @rule(task_id=tasks)
    def cancel(self, task_id: str) -> None:
        known = self.known[task_id]
        assert self.run(self.service.cancel_task(task_id)) == (known.status == "open")
        if known.status == "open":
            known.status, known.ended = "CANCELLED", self.clock.now()

    @rule(task_id=tasks)
    def run_now(self, task_id: str) -> None:
        if self.known[task_id].status == "open":
            self.run(self.service.run_now(task_id))
            self.run(self.service.idle())
            self.known[task_id].by_hand += 1

    @rule()
    def reopen(self) -> None:
        self.run(self.checker.__aexit__())
        self.open()

    @rule(target=tasks, on_lost=st.sampled_from(OnLost))
    def crash(self, on_lost: OnLost) -> str:
        """The graph is taken away beneath a running handler; a new service must take over."""
        self.hangs = True
        now = self.clock.now()
        task_id = self.schedule(defer_until=now, on_lost=on_lost)
        self.run(self.crash_in_the_middle())
        self.hangs = False
        self.open()
        status = "COMPLETE" if on_lost is OnLost.RETRY else "FAILED"
        self.known[task_id] = Known(now, due=now, status=status, ended=now)
        return task_id

    async def crash_in_the_middle(self) -> None:
        before = len(self.calls)
        ticking = asyncio.create_task(self.checker.tick())
        while len(self.calls) == before:  # noqa: ASYNC110 (the handler has begun when it was called)
            await asyncio.sleep(0.001)
        store, scheduler = self.service._store, self.service._scheduler
        assert store
        assert scheduler
        await store.close()
        dispatch = scheduler._dispatch
        while under_way := [*dispatch._runs, *dispatch._ledger._writes]:
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
        ran = {each.execution_id for each in made if each.status in {"completed", "failed"}}
        assert sorted(self.calls) == sorted(ran)
        for task_id, known in self.known.items():
            mine = [each for each in made if each.task_id == task_id]
            by_hand = [each for each in mine if each.execution_type is ExecutionType.MANUAL]
            assert len(by_hand) == known.by_hand
            if known.cron:
                self.accounted(known, mine)
            else:
                completed = [each for each in mine if each not in by_hand and each.status == "completed"]
                assert len(completed) == (known.status == "COMPLETE")

    def accounted(self, known: Known, made: list[Execution]) -> None:
        """Each moment of the schedule is covered by one execution."""
        moments = known.moments(self.clock.now())
        covered: list[datetime] = []
        for each in made:
            if each.execution_type is ExecutionType.CRON:
                end = each.last_nominal_at or each.nominal_at
                mine = [moment for moment in moments if each.nominal_at <= moment <= end]
                assert len(mine) == each.occurrences
                covered += mine
            elif each.execution_type is ExecutionType.DEFERRED and each.nominal_at in moments:
                covered.append(each.nominal_at)
        assert sorted(covered) == moments

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.time_goes_by(450)  # whatever is still ahead comes, and is accounted for
            self.every_acknowledged_task_is_there_as_it_should_be()
            self.what_fired_has_one_outcome_and_nothing_fired_twice()
        finally:
            self.run(self.checker.__aexit__())
            self.run(self.loop.shutdown_default_executor())
            self.loop.close()
            shutil.rmtree(self.folder)


Life.TestCase.settings = settings(max_examples=15, stateful_step_count=15)
TestLife = Life.TestCase
