"""All policies together, over the clock changes of several zones: each occurrence has one outcome, with its reason."""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import (
    Bundle,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from policy_machine import ANSWERS, PolicyMachine
from policy_model import OPEN, Ledger, ledgers
from policy_plans import Plan, Times
from policy_sums import BEGUN, LIMITS, OVERLAP_KEYS, Bucket, wrong_budgets, wrong_follow_ups, wrong_slots

from remembrancer import (
    DeferralsExhausted,
    InvalidInput,
    LimitReached,
    SchedulerHalted,
    TaskSchedulerService,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from neo4j_server import Server


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
OVERLAPS: Final = ["skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other", "allow_all"]
FOLLOW_UPS: Final = [
    {"prompt": "Say that it was missed."},
    {"delay": "10m", "deadline": "30m", "follow_up": {"prompt": "Say it once more."}},
]
STOPPED: Final = frozenset({"lease_expired", "shutdown", "task_cancelled", "replaced", "stopped_by_halt"})
"""The reasons of runs whose handlers did not say what they used."""
MINUTES: Final = st.integers(1, 150)
RULES: Final = ["all_succeeded", "any_succeeded", "all_done", "none_failed"]
ESTIMATE: Final = {"tokens": 10, "money": "0.30"}


class Policies(PolicyMachine):
    """What people and handlers do to tasks, and the laws that hold all the same."""

    tasks = Bundle("tasks")

    @initialize(target=tasks, day=st.sampled_from(sorted(DAYS)), answer=st.sampled_from(ANSWERS))
    def begin(self, day: tuple[str, datetime], answer: str) -> str:
        self.start(*day)
        fields = {
            "misfire": "run_once",
            "max_attempts": 2,
            "grace": 60.0,
            "more": {"concurrency_key": "desk"},
            "budget": None,
        }
        return self.schedule("every", "", 40, answer, **fields)

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
                "concurrency_key": st.sampled_from(["desk", "rated"]),
                "priority": st.integers(0, 9),
                "misfire_age_seconds": st.sampled_from([60.0, 3600.0]),
                "deadline_seconds": st.sampled_from([120.0, 1800.0]),
                "overlap": st.sampled_from(OVERLAPS),
                "overlap_key": st.sampled_from(list(OVERLAP_KEYS)),
                "circuit_key": st.just("service"),
                "pause_on_failure": st.integers(1, 3),
                "follow_up": st.sampled_from(FOLLOW_UPS),
            },
        ),
        customer=st.sampled_from(["ada", 7]),
    )
    def schedule(self, kind: str, cron: str, minutes: int, answer: str, customer: object = 7, **fields: Any) -> str:
        fields |= fields.pop("more")
        on_exhausted = fields.pop("budget")
        thought = "thought_poor" if on_exhausted else "thought"
        if on_exhausted:
            self.runs = 3 if self.runs is None else self.runs
            fields["budget"] = {**self.budget(), "on_exhausted": on_exhausted}
            fields["estimate"] = ESTIMATE
        fields["misfire_grace_seconds"] = fields.pop("grace")
        fields["context"] = {"customer": customer}
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
        self.plans[made.task_id] = plan = Plan([(now, times)], answer=answer)
        plan.did |= {"poor"} if on_exhausted else set()
        plan.will(fields)
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
        did = {f"on_failure={asked['on_failure']}", "depends"}
        self.plans[made.task_id] = plan = Plan([(now, times)], did=did, depends_on=dict.fromkeys(others, asked))
        plan.will(fields)
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

    @rule(
        task_id=tasks,
        change=st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from(["Task", "Other"]),
                "misfire": st.sampled_from(["skip", "run_once", "run_all"]),
                "concurrency_key": st.sampled_from([None, "desk", "rated"]),
                "priority": st.none() | st.integers(0, 9),
                "misfire_age_seconds": st.sampled_from([None, 60.0, 7200.0]),
                "deadline_seconds": st.sampled_from([None, 60.0, 7200.0]),
                "overlap": st.none() | st.sampled_from(OVERLAPS),
                "overlap_key": st.sampled_from(list(OVERLAP_KEYS)),
                "circuit_key": st.sampled_from([None, "service"]),
                "pause_on_failure": st.sampled_from([None, 1, 2]),
            },
        ),
    )
    def change(self, task_id: str, change: dict[str, Any]) -> None:
        if self.is_open(task_id) and change:
            with suppress(InvalidInput):  # a dependent has no context for a template
                self.run(self.service.update_task(task_id, **change))
                self.plans[task_id].will(change)
            self.run(self.settle())  # its wait has ended

    @rule(task_id=consumes(tasks))
    def cancel(self, task_id: str) -> None:
        self.plans[task_id].did.add("cancelled")
        self.run(self.service.cancel_task(task_id))
        self.run(self.at_rest())

    @rule(task_id=tasks, force=st.booleans())
    def run_now(self, task_id: str, *, force: bool) -> None:
        if self.is_open(task_id):
            self.begin_by_hand(self.service.run_now(task_id, force=force), force=force)

    def begin_by_hand(self, beginning: Coroutine[Any, Any, Any], *, force: bool) -> None:
        self.is_forcing = force
        with suppress(LimitReached, InvalidInput, SchedulerHalted):  # no slot, or nothing left of the budget
            begun = self.run(beginning)
            self.bounds.forced |= {begun.execution_id} if force else set()
        self.run(self.at_rest())
        self.is_forcing = False

    @rule(
        name=st.sampled_from(["desk", "rated", "all"]),
        slots=st.none() | st.integers(0, 3),
        rate=st.sampled_from([None, "1/minute", "6/hour", "100/hour", "2/day"]),
        burst=st.none() | st.integers(1, 3),
    )
    def limit(self, name: str, slots: int | None, rate: str | None, burst: int | None) -> None:
        burst = burst if rate else None
        self.run(self.service.set_limit(name, slots, rate, burst))
        bucket = Bucket(rate, burst, self.now) if rate else None
        self.bounds.limit(name if name == "all" else f"key:{name}", slots, bucket, self.run(self.service.cypher(BEGUN)))

    @rule(failures=st.integers(1, 4), seconds=st.sampled_from([60, 1200]))
    def set_the_circuit(self, failures: int, seconds: int) -> None:
        self.run(self.service.set_circuit("service", failures, seconds))
        self.bounds.trials["circuit:service"] = (failures, self.now)

    @precondition(lambda self: self.bounds.trials)
    @rule()
    def reset_the_circuit(self) -> None:
        self.run(self.service.reset_circuit("service"))
        opens_after, _ = self.bounds.trials["circuit:service"]
        self.bounds.trials["circuit:service"] = (opens_after, self.now)

    @rule(task_id=tasks)
    def clear_the_dead_letters(self, task_id: str) -> None:
        for each in self.run(self.service.dead_letters(task_id)):
            assert self.run(self.service.clear_dead_letter(each.dead_letter_id, "Seen."))
        assert self.run(self.service.dead_letters(task_id)) == []

    @rule(task_id=tasks, force=st.booleans())
    def run_the_dead_letters_again(self, task_id: str, *, force: bool) -> None:
        for each in self.run(self.service.dead_letters(task_id)):
            self.begin_by_hand(self.service.rerun(each.dead_letter_id, force=force), force=force)

    @precondition(lambda self: self.runs is not None)
    @rule(runs=st.integers(1, 5))
    def raise_the_budget(self, runs: int) -> None:
        self.runs = (self.runs or 0) + runs
        self.run(self.service.set_budget("thought_poor", self.budget()))
        self.run(self.settle())  # what waited is due

    @precondition(lambda self: not self.is_halted)
    @rule(stop_running=st.booleans())
    def halt(self, *, stop_running: bool) -> None:
        self.is_halted = True
        self.befalls("halted")
        self.run(self.service.halt("Stop.", stop_running=stop_running))
        self.run(self.settle())  # all schedulers know of it

    @precondition(lambda self: self.is_halted)
    @rule()
    def release(self) -> None:
        self.is_halted = False
        self.befalls("halted")
        self.run(self.service.release())
        self.run(self.settle())

    # Processes

    @rule()
    def restart(self) -> None:
        self.befalls("restarted")
        for plan in self.plans.values():
            plan.did |= {"lost"} if plan.fields.get("on_lost") == "retry" else set()  # left to the next attempt
        self.close()
        self.open()

    @precondition(lambda self: self.hanging)
    @rule()
    def crash(self) -> None:
        """The graph is taken away beneath handlers that run; new schedulers take over."""
        self.befalls("lost")
        for each in self.services:
            self.run(self.cut_off(each))
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
        for ledger in told.values():
            self.plan_of(ledger.task)
        assert told.keys() == self.plans.keys()
        states = {"halted": self.is_halted, "woken": not self.is_looked_at}
        for task_id, plan in self.plans.items():
            self.wrong += told[task_id].wrong(plan, max(self.seen, plan.times[-1][0]), **states)
        self.wrong += [f"{each} began {times} times" for each, times in self.begun.items() if times > 1]
        self.wrong += self.run(wrong_budgets(self.service))
        self.wrong += self.run(wrong_follow_ups(self.service))
        self.wrong += self.wrong_charges(told)
        self.wrong += self.run(self.wrong_limits(told))
        assert self.wrong == []

    async def wrong_limits(self, told: dict[str, Ledger]) -> list[str]:
        """Return what is wrong with slots, rates and circuits."""
        limits = [row["l"] for row in await self.service.cypher(LIMITS)]
        begun = await self.service.cypher(BEGUN)
        self.bounds.settle(begun)
        found = [*self.bounds.wrong(begun), *self.bounds.wrong_circuits(begun, limits, self.now)]
        # A key that was cancelled while an attempt waited is free within a check interval.
        gone = [ledger for ledger in told.values() if ledger.task["status"] == "CANCELLED" and not self.is_over]
        rows = [row for ledger in told.values() for row in ledger.executions]
        return found + wrong_slots(limits, rows, {row["execution_id"] for ledger in gone for row in ledger.executions})

    def wrong_charges(self, told: dict[str, Ledger]) -> list[str]:
        """Return the runs that are charged with something else than their handlers said, where these ended."""
        rows = [row for ledger in told.values() for row in ledger.executions if row.get("spent_runs") is not None]
        ended = [row for row in rows if row.get("reason_code") not in STOPPED]
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

    def lift(self) -> None:
        """Lift what holds the tasks of all."""
        if self.is_halted:
            self.release()
        for name in ("desk", "rated", "all"):
            self.limit(name, None, None, None)
        self.set_the_circuit(5, 60)
        self.reset_the_circuit()
        self.is_lifted = True
        if self.runs is not None:
            self.raise_the_budget(10_000)

    def drain(self) -> None:
        """Let everything go that held a run: then nothing waits for ever."""
        self.lift()
        for task_id, plan in self.plans.items():
            plan.answer = "done"
            if self.is_open(task_id):
                self.run(self.service.update_task(task_id, pause_on_failure=None))
                self.run(self.service.resume_task(task_id))
                self.answer(task_id, "yes")
                if plan.depends_on:
                    self.run(self.service.update_task(task_id, depends_on=[]))
                    plan.depends_on.clear()
        for event in self.hanging.values():
            event.set()
        self.hanging.clear()
        self.run(self.at_rest())
        for minutes in (1, 60, 120, 240, 480, 1):
            self.time_goes_by(minutes)
        self.is_over = True
        self.each_occurrence_has_one_outcome_or_waits()
        told = self.run(ledgers(self.service))
        self.wrong += [each for ledger in told.values() for each in ledger.waits(self.seen)]
        assert self.wrong == []


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
    lives = settings(max_examples=12, stateful_step_count=25, phases=[Phase.generate])
    run_state_machine_as_test(Policies, settings=lives)


@pytest.mark.neo4j
def test_each_occurrence_has_one_outcome_with_two_schedulers(neo4j_server: Server) -> None:
    PoliciesOnNeo4j.server = neo4j_server
    lives = settings(max_examples=2, stateful_step_count=12, phases=[Phase.generate])
    run_state_machine_as_test(PoliciesOnNeo4j, settings=lives)
