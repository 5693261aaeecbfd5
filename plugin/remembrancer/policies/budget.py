"""Budgets: what a run reserves of its lineage, what becomes of it with nothing left, and what it has used in the end.

A run reserves itself, and the tokens and the money of its task's estimate, in the commit that claims it. Its outcome
says what it has used, and gives the rest back. A lost execution has used all that it had reserved: whether its work
was done is not known. The attempt after it has a reservation of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from remembrancer.model.budget import micros_of, money_text
from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.policy import OnExhausted
from remembrancer.policies.decision import Park, Skip
from remembrancer.policies.occurrences import OccurrenceRange, run_without_pause_ms
from remembrancer.ports.writes import Charge, Draw

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from remembrancer.model.handler_result import HandlerOutcome
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import Decision, Run, Situation
    from remembrancer.ports.handler import Firing
    from remembrancer.ports.lineages import LineageState, LineageStore

LOST: Final = Charge(1, None, None, None)
"""The usage of a lost execution: all that it had reserved."""


def draw_of(task: ScheduledTask) -> Draw | None:
    """Return what a run of *task* reserves; None without a budget."""
    if task.budget_id is None:
        return None
    estimate = task.estimate or {}
    tokens, money = estimate.get("tokens"), estimate.get("money")
    return Draw(task.budget_id, int(tokens or 0), 0 if money is None else micros_of("estimate", money))


@dataclass(frozen=True, slots=True)
class Shortage:
    """An amount of which the budget of a lineage has less left than a run needs."""

    name: str
    draw: Draw
    state: LineageState


async def lineages_of(store: LineageStore, tasks: Iterable[ScheduledTask]) -> Mapping[str, LineageState]:
    """Return the lineages whose budgets *tasks* draw on, by their ids; nothing is read for tasks without one."""
    drawn_on = {task.budget_id for task in tasks if task.budget_id is not None}
    return await store.states(drawn_on) if drawn_on else {}


def shortage_of(task: ScheduledTask, lineages: Mapping[str, LineageState]) -> Shortage | None:
    """Return what the budget of its lineage lacks for a run of *task*; None if it has enough left."""
    if (draw := draw_of(task)) is None or (state := lineages.get(draw.lineage_id)) is None:
        return None
    return None if (name := state.lacking(draw)) is None else Shortage(name, draw, state)


def within_budget(task: ScheduledTask, run: Run, situation: Situation) -> Decision:
    """Return *run*, if the budget of its lineage has enough left; else the occurrence is skipped, or waits.

    While executions under way may give back what it needs, it waits for them.
    """
    if (short := shortage_of(task, situation.lineages)) is None:
        return run
    state, wait_key = short.state, wait_key_of(short.draw.lineage_id)
    reason = exhausted_words(state, short.name)
    if not state.is_spent_for(short.draw):
        return Park(wait_key, f"{reason} Executions under way may give some of it back.")
    if state.on_exhausted is OnExhausted.WAIT:
        return Park(wait_key, reason)
    deferred = run.execution_type is ExecutionType.DEFERRED
    at_ms = (run_without_pause_ms(task) if deferred else None) or run.occurrence_ms
    one = OccurrenceRange(at_ms, at_ms, 1)
    return Skip(one, ExecutionStatus.SKIPPED, Reason.BUDGET_EXHAUSTED, reason, run.next_ms, run.next_ms, deferred)


def exhausted_words(state: LineageState, name: str) -> str:
    """Return a sentence on an amount of which not enough is left."""
    cap, spent, held = (_shown(name, each.get(name, 0)) for each in (state.caps, state.spent, state.reserved))
    return f"The lineage of {state.lineage_id} may use {name}={cap}, of which {spent} are spent and {held} reserved."


def wait_key_of(lineage_id: str) -> str:
    """Return the key of tasks that wait for the budget of a lineage."""
    return f"budget:{lineage_id}"


def charge_of(firing: Firing, outcome: HandlerOutcome, *, deferred: bool) -> Charge:
    """Return what an execution has used: what its handler reports, or else what was reserved."""
    runs = 0 if deferred and outcome.status is ExecutionStatus.DEFERRED else 1
    usage = outcome.usage or firing.spent
    lineage_id = firing.task.budget_id
    return Charge(runs, None, None, lineage_id) if usage is None else Charge(runs, *usage.amounts, lineage_id)


def _shown(name: str, amount: int) -> str:
    return money_text(amount) if name == "money" else f"{amount:,}"
