"""All policies together, over the clock changes of several zones: each occurrence has one outcome, with its reason."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from policy_model import OPEN, Ledger, Plan, Times, ledgers, wrong_budgets

from remembrancer import (
    Ask,
    Defer,
    DeferralsExhausted,
    Failed,
    InvalidInput,
    LimitReached,
    Retry,
    SchedulerHalted,
    SchedulerOptions,
    TaskSchedulerService,
)
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from neo4j_server import Server

    from remembrancer import Firing
    from remembrancer.ports.handler import HandlerReturn

pytestmark = pytest.mark.slow

DAYS: Final = {
    ("Europe/Berlin", datetime(2026, 3, 28, 22, 40, 30, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 24, 22, 40, 30, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, 5, 10, 30, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 4, 10, 30, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 13, 20, 30, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 13, 20, 30, tzinfo=UTC)),
}
"""Zones, each with a time before a change of its clocks."""
CRONS: Final = ["*/20 * * * *", "30 2 * * *", "15 1,2,3 * * *", "7 * * * *", "0 */2 * * *"]
MINUTES: Final = st.integers(1, 150)
ANSWERS: Final = ["done", "failed", "raises", "permanent", "retry", "defer", "ask", "ask and wait", "hang"]
RULES: Final = ["all_succeeded", "any_succeeded", "all_done", "none_failed"]
PUT_OFF: Final = timedelta(minutes=23)
ESTIMATE: Final = {"tokens": 10, "money": "0.30"}


class FaultError(Exception):
    """What the handler raises."""


class Policies(RuleBasedStateMachine):
    """A graph, its schedulers, and what people and handlers do to its tasks."""

    tasks = Bundle("tasks")
    replicas = 1

    @initialize(target=tasks, day=st.sampled_from(sorted(DAYS)), answer=st.sampled_from(ANSWERS))
    def begin(self, day: tuple[str, datetime], answer: str) -> str:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="remembrancer-reasons-"))
        self.zone, start = day
        self.clock = VirtualClock(start)
        self.seen = start
        self.plans: dict[str, Plan] = {}
        self.hanging: dict[str, asyncio.Event] = {}
        self.begun: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.spent: dict[str, int] = {}
        self.runs: int | None = None
        self.is_halted = False
        self.slots: int | None = 1
        self.at_the_desk: set[str] = set()
        self.most_at_the_desk = 1
        self.open()
        fields = {
            "misfire": "run_once",
            "max_attempts": 2,
            "grace": 60.0,
            "more": {"concurrency_key": "desk"},
            "budget": None,
        }
        return self.schedule("every", "", 40, answer, **fields)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(doing, 300))

    @property
    def graph(self) -> str:
        return str(self.folder / "graph")

    @property
    def service(self) -> TaskSchedulerService:
        return self.services[0]

    def open(self) -> None:
        options = SchedulerOptions(shutdown_timeout_seconds=0.0)
        self.services = [
            TaskSchedulerService(self.graph, self.clock, handler=self.handle, options=options)
            for _ in range(self.replicas)
        ]
        for each in self.services:
            self.run(each.open())
        for each in self.services:
            self.run(each.recover())
        self.run(self.at_rest())

    def close(self) -> None:
        for each in self.services:
            self.run(each.close())
        self.hanging.clear()

    # The handler

    async def handle(self, firing: Firing) -> HandlerReturn:
        execution, plan = firing.execution, self.plans[firing.task.task_id]
        self.begun[execution.execution_id] += 1
        if firing.task.concurrency_key is not None:
            self.come_to_the_desk(execution.execution_id)
        try:
            return await self.answered(firing, plan)
        finally:
            self.leave_the_desk({execution.execution_id})

    def come_to_the_desk(self, execution_id: str) -> None:
        self.at_the_desk.add(execution_id)
        if len(self.at_the_desk) > self.most_at_the_desk:
            self.wrong.append(f"{len(self.at_the_desk)} at a desk of {self.slots}: {self.at_the_desk}")

    def leave_the_desk(self, execution_ids: set[str]) -> None:
        """What had begun before the limit was lowered goes on; then the limit holds."""
        self.at_the_desk -= execution_ids
        least = 1000 if self.slots is None else self.slots
        self.most_at_the_desk = min(self.most_at_the_desk, max(least, len(self.at_the_desk)))

    async def answered(self, firing: Firing, plan: Plan) -> HandlerReturn:
        """Look whether it should have begun, and answer as told."""
        execution = firing.execution
        if execution.execution_type != "manual_trigger":
            await self.look_at_the_beginning(firing)
        answer = plan.answer
        if answer == "hang":
            self.hanging[execution.execution_id] = event = asyncio.Event()
            try:
                await event.wait()
            finally:
                self.hanging.pop(execution.execution_id, None)
            answer = plan.answer
        if answer.startswith("ask") and firing.answer is not None:
            assert not firing.answer.is_refusal or execution.execution_type == "manual_trigger"
            answer = "done"
        plan.did.add(answer)
        if plan.answer != "failed":  # what reports nothing has used what was expected
            self.spent[execution.execution_id] = 7
            firing.spend(tokens=4)
            firing.spend(tokens=3, money="0.05")
        if answer == "raises":
            raise FaultError("It is odd.")
        return self.returned(answer)

    def returned(self, answer: str) -> HandlerReturn:
        """Return what a handler returns to answer so."""
        results: dict[str, HandlerReturn] = {
            "failed": Failed("It did not work."),
            "permanent": Failed("It never works.", permanent=True),
            "retry": Retry("7m", "Too many requests."),
            "defer": Defer(self.now + PUT_OFF, "Not just now."),
            "ask": Ask("May I?", within="35m", on_no_answer="remind", reminders=1),
            "ask and wait": Ask("May I?"),
        }
        return results.get(answer)

    async def look_at_the_beginning(self, firing: Firing) -> None:
        """Note what should not have begun."""
        task = await self.service.get_task(firing.task.task_id)
        if self.is_halted:
            self.wrong.append(f"it began in a halt: {task}")
        if task.status not in OPEN:
            self.wrong.append(f"it began after its end: {task}")
        if task.paused_at and (task.paused_until is None or task.paused_until > self.now):
            self.wrong.append(f"it began in a pause: {task}")
        plan, nominal = self.plans[task.task_id], firing.execution.nominal_at
        if self.runs is not None and "poor" in plan.did:
            told = await ledgers(self.service)
            used = sum(told[each].runs for each, one in self.plans.items() if "poor" in one.did)
            if used > self.runs:
                self.wrong.append(f"{task.task_id} is run {used} of {self.runs}")
        if plan.depends_on and plan.fields.get("trigger_rule", "all_succeeded") != "any_succeeded":
            told = await ledgers(self.service)
            for other in plan.depends_on:
                wait = plan.waits_for(other, self.plans[other], nominal, self.now)
                wrong = told[other].hinders(self.plans[other], wait)
                self.wrong += [f"{task.task_id} of {nominal} began before {other} allowed it: {each}" for each in wrong]

    # Time

    async def settle(self) -> None:
        """Do all that is due now."""
        done = 1
        while done:
            done = sum(await asyncio.gather(*(self.tick(each) for each in self.services)))
            await self.at_rest()
        self.seen = self.now

    async def tick(self, service: TaskSchedulerService) -> int:
        """Do what is due, and wait for no handler."""
        scheduler = service._process.running_scheduler()
        await scheduler.react()
        return await scheduler.tick()

    async def at_rest(self) -> None:
        """Return when nothing runs but what hangs."""
        count = "MATCH (e:task_execution {status: 'running'}) RETURN count(e) AS n"
        while (await self.service.cypher(count))[0]["n"] != len(self.hanging):  # noqa: ASYNC110 (the graph tells nobody)
            await asyncio.sleep(0.001)
        for each in self.services:
            await each._process.running_scheduler()._executor._outcome_writer.idle()  # it wakes what waited for them

    @rule(minutes=MINUTES)
    def time_goes_by(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))
        self.run(self.settle())

    @rule(minutes=st.integers(5, 400), step=st.integers(5, 30))
    def time_goes_by_in_steps(self, minutes: int, step: int) -> None:
        for _ in range(0, minutes, step):
            self.time_goes_by(step)

    @rule(minutes=MINUTES)
    def a_while_in_which_nobody_looks(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    # Tasks

    @rule(
        target=tasks,
        kind=st.sampled_from(["once", "cron", "every"]),
        cron=st.sampled_from(CRONS),
        minutes=st.integers(1, 120),
        answer=st.sampled_from(ANSWERS),
        misfire=st.sampled_from(["skip", "run_once", "run_all"]),
        grace=st.sampled_from([0.0, 60.0, 1800.0]),
        max_attempts=st.integers(1, 3),
        budget=st.none() | st.sampled_from(["skip", "wait"]),
        more=st.fixed_dictionaries(
            {},
            optional={
                "retry": st.sampled_from(
                    [
                        {"backoff": "fixed", "delay": 300, "jitter": "none"},
                        {"backoff": "exponential", "delay": 60, "cap": 1800, "within": 7200},
                        {"backoff": "linear", "delay": 600, "give_up_on": ["FaultError"]},
                    ]
                ),
                "max_deferrals": st.integers(0, 2),
                "on_lost": st.sampled_from(["fail", "retry"]),
                "misfire_limit": st.integers(1, 5),
                "concurrency_key": st.just("desk"),
                "priority": st.integers(0, 9),
                "misfire_age_seconds": st.sampled_from([60.0, 3600.0]),
                "deadline_seconds": st.sampled_from([120.0, 1800.0]),
            },
        ),
    )
    def schedule(self, kind: str, cron: str, minutes: int, answer: str, **fields: Any) -> str:
        fields |= fields.pop("more")
        on_exhausted = fields.pop("budget")
        thought = "thought_poor" if on_exhausted else "thought"
        if on_exhausted:
            self.runs = 3 if self.runs is None else self.runs
            fields["budget"] = {**self.budget(), "on_exhausted": on_exhausted}
            fields["estimate"] = ESTIMATE
        fields["misfire_grace_seconds"] = fields.pop("grace")
        now, when = self.now, dict[str, Any]()
        match kind:
            case "once":
                times = Times(due=now + timedelta(minutes=minutes))
                when["defer_until"] = times.due
            case "cron":
                times = Times(cron=cron, zone=self.zone)
                when |= {"schedule_cron": cron, "timezone": self.zone}
            case _:
                times = Times(minutes=minutes, anchor=now)
                when["schedule"] = {"kind": "every", "every": f"{minutes}m", "anchor": now.isoformat()}
        made = self.run(self.service.schedule_task("Task", "goal", "prompt", thought, **when, **fields))
        did = {f"misfire={fields['misfire']}", *(["poor"] if on_exhausted else [])}
        did |= {name for name in ("misfire_age", "deadline") if f"{name}_seconds" in fields}
        self.plans[made.task_id] = Plan([(now, times)], fields, did, answer=answer)
        return made.task_id

    @rule(
        target=tasks,
        others=st.lists(tasks, min_size=1, max_size=2, unique=True),
        asked=st.fixed_dictionaries(
            {"on_failure": st.sampled_from(["block", "ignore", "cancel"])},
            optional={"window": st.sampled_from(["latest", "2h"]), "delay": st.just("9m")},
        ),
        trigger_rule=st.sampled_from(RULES),
        cron=st.none() | st.sampled_from(CRONS),
        minutes=st.integers(1, 60),
        misfire=st.sampled_from(["skip", "run_once", "run_all"]),
        concurrency_key=st.none() | st.just("desk"),
    )
    def schedule_what_depends(self, others: list[str], asked: dict[str, str], minutes: int, **fields: Any) -> str:
        now, cron = self.now, fields.pop("cron")
        times = Times(cron=cron, zone=self.zone) if cron else Times(due=now + timedelta(minutes=minutes))
        when = {"schedule_cron": cron, "timezone": self.zone} if cron else {"defer_until": times.due}
        fields["depends_on"] = [{"task": each, **asked} for each in others]
        made = self.run(self.service.schedule_task("Dependent", "goal", "prompt", "thought", **when, **fields))
        did = {f"misfire={fields['misfire']}", f"on_failure={asked['on_failure']}", "depends"}
        self.plans[made.task_id] = Plan([(now, times)], fields, did, depends_on=dict.fromkeys(others, asked))
        return made.task_id

    def budget(self) -> dict[str, Any]:
        """Return what the poor have: of tokens they run out first, of money never."""
        assert self.runs is not None
        return {"runs": self.runs, "tokens": 9 * self.runs, "money": f"{self.runs}.50"}

    def is_open(self, task_id: str) -> bool:
        return self.run(self.service.get_task(task_id)).status in OPEN

    @rule(task_id=tasks, answer=st.sampled_from(ANSWERS))
    def from_now_on_the_handler_answers(self, task_id: str, answer: str) -> None:
        self.plans[task_id].answer = answer

    @precondition(lambda self: self.hanging)
    @rule(place=st.integers(0, 10), answer=st.sampled_from([each for each in ANSWERS if each != "hang"]))
    def a_handler_that_hangs_answers(self, place: int, answer: str) -> None:
        execution_id = sorted(self.hanging)[place % len(self.hanging)]
        task_id = self.run(self.service.get_execution(execution_id)).task_id
        self.plans[task_id].answer = answer
        self.hanging.pop(execution_id).set()
        self.run(self.at_rest())

    @rule(task_id=tasks, minutes=st.none() | MINUTES)
    def pause(self, task_id: str, minutes: int | None) -> None:
        if self.is_open(task_id):
            self.plans[task_id].did.add("paused")
            until = None if minutes is None else self.now + timedelta(minutes=minutes)
            self.run(self.service.pause_task(task_id, until, "Holidays"))

    @rule(task_id=tasks, on_missed=st.none() | st.sampled_from(["skip", "run_once", "run_all"]))
    def resume(self, task_id: str, on_missed: str | None) -> None:
        if self.is_open(task_id):
            self.run(self.service.resume_task(task_id, on_missed))

    @rule(task_id=tasks, minutes=MINUTES)
    def defer(self, task_id: str, minutes: int) -> None:
        task = self.run(self.service.get_task(task_id))
        if task.status not in OPEN or task.is_paused(self.now) or task.next_run_ms is None or task.deferral_id:
            return
        if self.plans[task_id].fields.get("max_deferrals") == 0:
            return
        least = max(self.now.timestamp() * 1000, task.next_run_ms, task.nominal_ms or 0)
        until = datetime.fromtimestamp(least / 1000, UTC) + timedelta(minutes=minutes)
        self.plans[task_id].did.add("deferred")
        self.run(self.service.defer_task(task_id, until, "Not yet"))

    @rule(task_id=tasks, within=st.none() | st.just("40m"))
    def ask(self, task_id: str, within: str | None) -> None:
        task = self.run(self.service.get_task(task_id))
        if task.status not in OPEN or task.is_paused(self.now) or task.deferral_id:
            return
        with suppress(InvalidInput, DeferralsExhausted):  # it has no run ahead, or waits for the last time
            self.run(self.service.ask_task(task_id, "May it?", within=within))
            self.plans[task_id].did.add("asked")

    @rule(task_id=tasks, text=st.sampled_from(["yes", "no", "At ten."]))
    def answer(self, task_id: str, text: str) -> None:
        if self.run(self.service.get_task(task_id)).question_id is not None:
            self.clock.advance(timedelta(seconds=1))  # it is due after what was looked at last
            self.plans[task_id].did |= {"refused"} if text == "no" else set()
            self.run(self.service.answer_task(task_id, text))

    @rule(task_id=tasks, cron=st.sampled_from(CRONS))
    def edit(self, task_id: str, cron: str) -> None:
        plan = self.plans[task_id]
        if plan.is_single or not self.is_open(task_id) or self.run(self.service.get_task(task_id)).question_id:
            return  # a question is answered first
        self.clock.advance(timedelta(seconds=1))  # the graph tells it from what was done before
        now = self.now
        change = {"schedule_cron": cron}
        if plan.times[-1][1].cron is None:
            change |= {"schedule": None, "timezone": self.zone}
            plan.ends.append(now)
        if self.run(self.service.update_task(task_id, **change)).changed:
            plan.did.add("edited")
            plan.times.append((now, Times(cron=cron, zone=self.zone)))

    @rule(task_id=consumes(tasks))
    def cancel(self, task_id: str) -> None:
        self.plans[task_id].did.add("cancelled")
        self.run(self.service.cancel_task(task_id))
        self.run(self.at_rest())

    @rule(task_id=tasks)
    def run_now(self, task_id: str) -> None:
        if self.is_open(task_id):
            with suppress(LimitReached, InvalidInput, SchedulerHalted):  # no slot, or nothing left of the budget
                self.run(self.service.run_now(task_id))
            self.run(self.at_rest())

    @rule(slots=st.none() | st.integers(0, 3))
    def limit_the_desk(self, slots: int | None) -> None:
        self.run(self.service.set_limit("desk", slots))
        self.slots = slots
        self.most_at_the_desk = max(1000 if slots is None else slots, len(self.at_the_desk))

    @rule(task_id=tasks)
    def clear_the_dead_letters(self, task_id: str) -> None:
        for each in self.run(self.service.dead_letters(task_id)):
            assert self.run(self.service.clear_dead_letter(each.dead_letter_id, "Seen."))
        assert self.run(self.service.dead_letters(task_id)) == []

    @rule(task_id=tasks)
    def run_the_dead_letters_again(self, task_id: str) -> None:
        for each in self.run(self.service.dead_letters(task_id)):
            with suppress(LimitReached, InvalidInput, SchedulerHalted):
                self.run(self.service.rerun(each.dead_letter_id))
            self.run(self.at_rest())

    @precondition(lambda self: self.runs is not None)
    @rule(runs=st.integers(1, 5))
    def raise_the_budget(self, runs: int) -> None:
        self.runs = (self.runs or 0) + runs
        self.run(self.service.set_budget("thought_poor", self.budget()))
        self.run(self.settle())  # what waited is due

    @precondition(lambda self: not self.is_halted)
    @rule()
    def halt(self) -> None:
        self.is_halted = True
        for plan in self.plans.values():
            plan.did.add("halted")
        self.run(self.service.halt("Stop."))

    @precondition(lambda self: self.is_halted)
    @rule()
    def release(self) -> None:
        self.is_halted = False
        for plan in self.plans.values():
            plan.did.add("halted")
        self.run(self.service.release())
        self.run(self.settle())

    # Processes

    @rule()
    def restart(self) -> None:
        for plan in self.plans.values():
            plan.did.add("restarted")
        self.close()
        self.open()

    @precondition(lambda self: self.hanging)
    @rule()
    def crash(self) -> None:
        """The graph is taken away beneath handlers that run; new schedulers take over."""
        for plan in self.plans.values():
            plan.did.add("lost")
        held = set(self.at_the_desk)
        for each in self.services:
            self.run(self.cut_off(each))
        self.most_at_the_desk = max(self.most_at_the_desk, len(held))  # an attempt after a lost one takes its place
        self.hanging.clear()
        self.clock.advance(timedelta(seconds=61))  # on a shared graph, their leases expire
        self.open()

    async def cut_off(self, service: TaskSchedulerService) -> None:
        store, scheduler = service._process.store, service._process.scheduler
        assert store
        assert scheduler
        await store.close()
        executor = scheduler._executor
        executor._cut_off = True  # as when the loop ends without a stop: nothing more is written
        while under_way := [*executor._runs.tasks, *executor._outcome_writer._writes]:
            for each in under_way:
                each.cancel()
            await asyncio.sleep(0)

    # Laws

    @invariant()
    def each_occurrence_has_one_outcome_or_waits(self) -> None:
        told = self.run(ledgers(self.service))
        assert told.keys() == self.plans.keys()
        for task_id, plan in self.plans.items():
            self.wrong += told[task_id].wrong(plan, max(self.seen, plan.times[-1][0]), halted=self.is_halted)
        self.wrong += [f"{each} began {times} times" for each, times in self.begun.items() if times > 1]
        self.wrong += self.run(wrong_budgets(self.service))
        self.wrong += self.wrong_charges(told)
        assert self.wrong == []

    def wrong_charges(self, told: dict[str, Ledger]) -> list[str]:
        """Return the runs that are charged with something else than their handlers said, where these ended."""
        rows = [row for ledger in told.values() for row in ledger.executions if row.get("spent_runs") is not None]
        ended = [row for row in rows if row.get("reason_code") not in {"lease_expired", "shutdown", "task_cancelled"}]
        used = [(row, self.spent.get(row["execution_id"], row["reserved_tokens"])) for row in ended]
        return [f"used {tokens} tokens: {row}" for row, tokens in used if row["spent_tokens"] != tokens]

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.drain()
        finally:
            self.close()
            self.run(self.loop.shutdown_default_executor())
            self.loop.close()
            shutil.rmtree(self.folder)

    def drain(self) -> None:
        """Let everything go that held a run: then nothing waits for ever."""
        if self.is_halted:
            self.release()
        for task_id, plan in self.plans.items():
            plan.answer = "done"
            if self.is_open(task_id):
                self.run(self.service.resume_task(task_id))
                self.answer(task_id, "yes")
                if plan.depends_on:
                    self.run(self.service.update_task(task_id, depends_on=[]))
                    plan.depends_on.clear()
        self.limit_the_desk(None)
        if self.runs is not None:
            self.raise_the_budget(10_000)
        for event in self.hanging.values():
            event.set()
        self.hanging.clear()
        self.run(self.at_rest())
        for minutes in (1, 60, 120, 240, 480, 1):
            self.time_goes_by(minutes)
        self.each_occurrence_has_one_outcome_or_waits()
        told = self.run(ledgers(self.service))
        assert [each for ledger in told.values() for each in ledger.waits(self.seen)] == []


class PoliciesOnNeo4j(Policies):
    """The same with two schedulers on one server."""

    replicas = 2
    server: Server

    @property
    def graph(self) -> str:
        return self.server.graph

    def open(self) -> None:
        if not self.plans:
            self.server.wipe()
        super().open()


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "remembrancer")


def test_each_occurrence_has_one_outcome_under_all_policies() -> None:
    lives = settings(max_examples=20, stateful_step_count=25, phases=[Phase.generate])
    run_state_machine_as_test(Policies, settings=lives)


@pytest.mark.neo4j
def test_each_occurrence_has_one_outcome_with_two_schedulers(neo4j_server: Server) -> None:
    PoliciesOnNeo4j.server = neo4j_server
    lives = settings(max_examples=2, stateful_step_count=12, phases=[Phase.generate])
    run_state_machine_as_test(PoliciesOnNeo4j, settings=lives)
