"""A cue among changes, outages, restarts, pauses and a second replica: each new match has one occurrence."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from remembrancer import Cue, TaskSchedulerService
from remembrancer.engine.faults import Faults
from remembrancer.engine.watching.cues import Cues
from remembrancer.errors import GraphUnavailable
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from remembrancer import Firing

START = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)
LIT = "MATCH (t:scheduled_task) WHERE t.goal_description = 'lit' RETURN t.name AS match"
LAMPS = st.sets(st.integers(0, 3))


class Lamps(RuleBasedStateMachine):
    """Lamps, and a cue that fires for each that is lit, beside a list of what it owes."""

    @initialize(existing=st.sampled_from(["fire", "ignore"]), lit=LAMPS)
    def begin(self, existing: str, lit: set[int]) -> None:
        self.loop, self.clock = asyncio.new_event_loop(), VirtualClock(START)
        self.folder = tempfile.TemporaryDirectory()
        self.outage: str | None = None
        self.owed: Counter[str] = Counter()
        self.seen: set[str] | None = None if existing == "fire" else set()
        self.is_first, self.lit = True, {f"lamp {each}" for each in lit}
        self.checked_at: list[datetime | None] = [None, None]
        self.open()
        self.ids = [self.run(self.make(f"lamp {each}", schedule_cron="0 0 1 1 *")) for each in range(4)]
        self.existing = existing
        for each in lit:
            self.run(self.service.update_task(self.ids[each], goal_description="lit"))
        cue = Cue(LIT, existing=existing)
        self.cue = self.run(self.make("cue", schedule=cue, misfire="run_all"))

    async def make(self, name: str, **fields: Any) -> str:
        return (await self.service.schedule_task(name, "dark", "p", "t", **fields)).task_id

    def open(self) -> None:
        self.service = TaskSchedulerService(self.folder.name + "/graph", self.clock, handler=self.handle)
        self.checker = ManualScheduler(self.service, self.clock)
        self.run(self.checker.__aenter__())
        self.store: Any = self.service._graph()
        self.other = Cues(self.store, self.clock, Faults())
        self.checked_at = [None, None]
        connection, write = self.store.tasks._connection, self.store.tasks._connection.write

        async def failing(statements: Sequence[Any]) -> Any:
            outage = self.outage if any(each.name == "add_reactions" for each in statements) else None
            if outage == "before":
                raise GraphUnavailable("The disk is gone.")
            answers = await write(statements)
            if outage == "after":
                raise GraphUnavailable("The answer is lost.")
            return answers

        connection.write = failing

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(doing, 60))

    async def handle(self, firing: Firing) -> None:
        del firing

    def expect(self, replica: int) -> None:
        """Account for a check that this replica makes now, if one is due."""
        last = self.checked_at[replica]
        pace = timedelta(minutes=1) if self.outage is None else timedelta(0)
        if last is not None and self.clock.now() - last < pace:
            return
        if self.outage != "before":
            new = self.lit - (self.seen or set())
            if not (self.is_first and self.existing == "ignore"):
                self.owed.update(new)
            self.seen, self.is_first = set(self.lit), False
        self.checked_at[replica] = self.clock.now() if self.outage is None else None

    @rule(minutes=st.integers(1, 90))
    def time_goes_by(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))
        self.expect(0)
        self.run(self.checker.tick())

    @rule(stages=st.lists(LAMPS, min_size=3, max_size=5), minutes=st.integers(1, 90))
    def lamps_are_lit_in_turn(self, stages: list[set[int]], minutes: int) -> None:
        for lit in stages:
            self.lamps_change(lit)
            self.time_goes_by(minutes)

    @rule(lit=LAMPS)
    def lamps_change(self, lit: set[int]) -> None:
        for place, task_id in enumerate(self.ids):
            goal = "lit" if place in lit else "dark"
            self.run(self.service.update_task(task_id, goal_description=goal))
        self.lit = {f"lamp {each}" for each in lit}

    @rule(minutes=st.integers(1, 3), kind=st.sampled_from(["before", "after"]))
    def a_write_fails(self, minutes: int, kind: str) -> None:
        self.clock.advance(timedelta(minutes=minutes))
        self.outage = kind
        changes = self.is_first or self.seen != self.lit
        if changes:
            self.expect(0)
            self.run(self.service._process.running_scheduler().react())
        self.outage = None

    @rule(others=st.sampled_from(["alone", "together"]))
    def the_other_replica_checks(self, others: str) -> None:
        async def check() -> None:
            self.other.serve([each for each in await self.store.watches.all() if each.runs_after_id is None])
            await self.other.begin()
            await self.other.idle()

        self.clock.advance(timedelta(minutes=2))
        self.expect(1)
        if others == "alone":
            self.run(check())
            return
        self.expect(0)

        async def together() -> None:
            await asyncio.gather(check(), self.checker.tick())

        self.run(together())

    @rule()
    def the_process_restarts(self) -> None:
        self.run(self.checker.__aexit__())
        self.open()

    @rule()
    def a_pause_begins(self) -> None:
        self.run(self.service.pause_task(self.cue))

    @rule()
    def a_pause_ends(self) -> None:
        self.run(self.service.resume_task(self.cue, on_missed="run_all"))

    def teardown(self) -> None:
        if not hasattr(self, "cue"):
            return
        self.run(self.service.resume_task(self.cue, on_missed="run_all"))
        self.time_goes_by(2)
        self.time_goes_by(2)
        runs = self.run(self.service.history(task_id=self.cue, limit=1000))
        found = Counter(str((each.cause_detail or {}).get("match")) for each in runs)
        assert found == +self.owed, (found, self.owed)
        assert self.run(self.service.get_task(self.cue)).check_error is None
        self.run(self.checker.__aexit__())
        self.loop.close()
        self.folder.cleanup()


Lamps.TestCase.settings = settings(max_examples=12, stateful_step_count=14, deadline=None, phases=[Phase.generate])
TestLamps = Lamps.TestCase
