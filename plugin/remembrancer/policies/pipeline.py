"""The pipeline of policies: the decision about a due task. The first policy with an answer decides.

One decision accounts for one run, or for all occurrences in a row that do not run: these are counted, not listed one
by one, so that an outage of a year costs as much as one of an hour. A task stays due until each of its occurrences up
to now is accounted for.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from remembrancer.policies.budget import within_budget
from remembrancer.policies.claims import claim_of
from remembrancer.policies.decision import Park, Remind, Run
from remembrancer.policies.dependencies.policy import dependencies
from remembrancer.policies.limits import under_limits
from remembrancer.policies.misfire import misfire
from remembrancer.policies.overlap import overlap, with_waiting
from remembrancer.policies.pause import pause
from remembrancer.policies.queues import by_worker
from remembrancer.policies.run_when_due import run_when_due
from remembrancer.policies.skips import skip
from remembrancer.policies.unanswered.deadline import deadline
from remembrancer.policies.unanswered.deferral import deferral
from remembrancer.policies.unanswered.halt import halt
from remembrancer.policies.unanswered.questions import unanswered
from remembrancer.ports.waits import NewWait
from remembrancer.ports.writes import Reminder
from remembrancer.schedules.kinds import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import Decision, PlanContext, Policy, Situation
    from remembrancer.ports.writes import Claim

_SLICE: Final = 50
"""The number of tasks that are planned before other coroutines run."""

POLICIES: Final[tuple[Policy, ...]] = (
    skip,
    deadline,
    dependencies,
    pause,
    halt,
    unanswered,
    deferral,
    overlap,
    misfire,
    run_when_due,
)
"""All policies, in the order in which they are asked."""


def plan(task: ScheduledTask, situation: Situation, context: PlanContext) -> Decision:
    """Return what *task*, which is due, does now. Raises InvalidInput for a schedule that cannot be read."""
    for policy in POLICIES:
        if decision := policy(task, situation, context):
            if task.queue is not None and isinstance(decision, Run):
                decision = by_worker(task, decision, situation)
            if task.budget_id is None or not isinstance(decision, Run):
                return decision
            return within_budget(task, decision, situation)
    raise AssertionError("the last policy decides")


def _decided(task: ScheduledTask, situation: Situation, context: PlanContext) -> Claim | Park | Remind | None:
    """Return the claim, wait or reminder that follows from the decision about *task*; None for none of these."""
    decision = plan(task, situation, context)
    if isinstance(decision, Park | Remind):
        return decision
    claim = claim_of(task, decision, context)
    plain = task.concurrency_key is None and task.overlap is None and task.circuit_key is None
    if claim is None or (plain and not situation.limits):
        return claim
    return under_limits(task, claim, situation)


@dataclass(frozen=True, slots=True)
class PagePlan:
    """The decisions about the tasks of one page: a task that stays as it is, due or waiting, is in none of these."""

    claims: list[Claim] = field(default_factory=list["Claim"])
    waits: list[NewWait] = field(default_factory=list["NewWait"])
    """The tasks that wait for something from now on."""
    reminders: list[Reminder] = field(default_factory=list["Reminder"])
    """The questions that are asked again."""
    faults: list[tuple[ScheduledTask, Exception]] = field(default_factory=list["tuple[ScheduledTask, Exception]"])
    """The tasks that cannot be planned, each with its error."""

    def take(self, task: ScheduledTask, decision: Claim | Park | Remind | None, context: PlanContext) -> None:
        """Take in the decision about a task."""
        if isinstance(decision, Park):
            if (decision.wait_key, decision.reason) != (task.wait_key, task.wait_reason):
                self.waits.append(NewWait(task, decision.wait_key, decision.reason, context.now_ms))
        elif isinstance(decision, Remind):
            self.reminders.append(Reminder(task, decision.question, context.now, decision.is_escalation))
        elif decision and task.overlap is not None:
            self.claims.extend(with_waiting(task, decision, context))
        elif decision:
            self.claims.append(decision)


async def plan_page(due: Sequence[ScheduledTask], situation: Situation, context: PlanContext) -> PagePlan:
    """Plan the tasks of one page, letting other coroutines run in between."""
    planned = PagePlan()
    for place, task in enumerate(due, 1):
        try:
            decision = _decided(task, situation, context)
            planned.take(task, decision, context)
        except UNREADABLE as error:
            planned.faults.append((task, error))
        if place % _SLICE == 0:
            await asyncio.sleep(0)
    return planned
