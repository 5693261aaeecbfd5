"""The graph, the schedulers and the handler of tasks under policies, on a virtual clock."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hypothesis.stateful import RuleBasedStateMachine
from policy_model import OPEN, ledgers
from policy_plans import Plan, Times
from policy_sums import BEGUN, LIMITS, OVERLAP_KEYS, Bounds

from remembrancer import Ask, Defer, Failed, Retry, SchedulerOptions, TaskSchedulerService
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from policy_plans import Row

    from remembrancer import Firing, ScheduledTask
    from remembrancer.ports.handler import HandlerReturn

ANSWERS: Final = ["done", "failed", "raises", "permanent", "retry", "defer", "ask", "ask and wait", "hang"]
_USED: Final = """
MATCH (e:task_execution {budget_id: 'thought_poor'}) WHERE NOT e.status IN ['deferred', 'cancelled']
RETURN count(e) AS n
"""
PUT_OFF: Final = timedelta(minutes=23)


class FaultError(Exception):
    """What the handler raises."""


class PolicyMachine(RuleBasedStateMachine):
    """A graph, its schedulers and their handler, which note what should not be."""

    replicas = 1

    def start(self, zone: str, at: datetime) -> None:
        """Begin at a time, with a new graph."""
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="remembrancer-reasons-"))
        self.zone, self.seen = zone, at
        self.clock = VirtualClock(at)
        self.is_looked_at = True
        self.plans: dict[str, Plan] = {}
        self.befell: set[str] = set()
        self.hanging: dict[str, asyncio.Event] = {}
        self.begun: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.spent: dict[str, int] = {}
        self.runs: int | None = None
        self.is_halted = False
        self.is_forcing = False
        self.is_over = self.is_lifted = False
        self.bounds = Bounds()
        self.open()

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
        execution, plan = firing.execution, self.plan_of(firing.task)
        self.begun[execution.execution_id] += 1
        if self.is_forcing and execution.execution_type == "manual_trigger":
            self.bounds.forced.add(execution.execution_id)
        return await self.answered(firing, plan)

    async def answered(self, firing: Firing, plan: Plan) -> HandlerReturn:
        """Look whether it should have begun, and answer as told."""
        execution = firing.execution
        if not self.is_lifted:  # hundreds may begin at once then
            await self.look_at_limits(firing)
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
        if answer == "permanent":
            self.bounds.permanent.add(execution.execution_id)
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
        together = (
            task.pause_on_failure is not None and task.paused_at == firing.execution.triggered_at
        )  # claimed before
        if task.is_paused(self.now) and not together:
            self.wrong.append(f"it began in a pause: {task}")
        plan, nominal = self.plans[task.task_id], firing.execution.nominal_at
        if self.runs is not None and "poor" in plan.did:
            used = (await self.service.cypher(_USED))[0]["n"]
            if used > self.runs:
                self.wrong.append(f"{task.task_id} is run {used} of {self.runs}")
        if plan.depends_on and plan.fields.get("trigger_rule", "all_succeeded") != "any_succeeded":
            told = await ledgers(self.service)
            for other in plan.depends_on:
                wait = plan.waits_for(other, self.plans[other], nominal, self.now)
                wrong = told[other].hinders(self.plans[other], wait)
                self.wrong += [f"{task.task_id} of {nominal} began before {other} allowed it: {each}" for each in wrong]

    async def look_at_limits(self, firing: Firing) -> None:
        """Note limits under which it should not have begun, and an overlap key that is not by its template."""
        begun: list[Row] = await self.service.cypher(BEGUN)
        limits = [row["l"] for row in await self.service.cypher(LIMITS)]
        self.wrong += [*self.bounds.wrong(begun), *self.bounds.wrong_circuits(begun, limits, self.now)]
        task, held = firing.task, firing.execution.limit_keys or ()
        overlaps = [key.removeprefix("overlap:") for key in held if key.startswith("overlap:")]
        if firing.execution.attempt == 1 and task.overlap is not None and task.overlap != "allow_all":
            row = {name: getattr(task, name) for name in ("task_id", "name", "origin_thought_id", "context")}
            if overlaps != [OVERLAP_KEYS[task.overlap_key](row)]:
                self.wrong.append(f"it runs under {overlaps}: {task}")
        elif firing.execution.attempt == 1 and overlaps:
            self.wrong.append(f"it runs under {overlaps}: {task}")

    # Tasks that the scheduler makes

    def plan_of(self, task: ScheduledTask | Row) -> Plan:
        """Return the plan of a task; a follow-up has one as soon as it is seen."""
        row = task if isinstance(task, dict) else task.model_dump()
        if row["task_id"] not in self.plans:
            assert row.get("follow_up_of"), f"nobody asked for it: {row}"
            parent = self.plans.get(row["parent_id"])  # itself a follow-up, it may not have been seen
            fields = {name: row.get(name) for name in ("on_lost", "deadline_seconds")}
            fields |= {"max_attempts": row.get("max_attempts") or 3, "misfire": "run_once"}
            did = {*self.befell, *(["poor"] if row.get("budget_id") else [])}
            times = Times(due=row["defer_until"])
            made = row["created_at"] - timedelta(milliseconds=1)  # it may be due at once
            self.plans[row["task_id"]] = plan = Plan(
                [(made, times)], did=did, answer=parent.answer if parent else "done"
            )
            plan.will(fields)
        return self.plans[row["task_id"]]

    def befalls(self, *what: str) -> None:
        """Note what happens to all tasks."""
        self.befell |= {*what}
        for plan in self.plans.values():
            plan.did |= {*what}

    # Time

    async def settle(self) -> None:
        """Do all that is due now."""
        done = 1
        while done:
            done = sum(await asyncio.gather(*(self.tick(each) for each in self.services)))
            await self.at_rest()
        self.seen = self.now
        self.is_looked_at = True

    async def tick(self, service: TaskSchedulerService) -> int:
        """Do what is due, and wait for no handler."""
        scheduler = service._process.running_scheduler()
        await scheduler.react()
        return await scheduler.tick()

    async def at_rest(self) -> None:
        """Return when nothing runs but what hangs: also a handler whose run another has replaced may."""
        running = "MATCH (e:task_execution {status: 'running'}) RETURN e.execution_id AS id"
        while {row["id"] for row in await self.service.cypher(running)} - self.hanging.keys():  # noqa: ASYNC110 (the graph tells nobody)
            await asyncio.sleep(0.001)
        for each in self.services:
            await each._process.running_scheduler()._executor._outcome_writer.idle()  # it wakes what waited for them
        self.is_looked_at = False  # an outcome may have woken what waited
