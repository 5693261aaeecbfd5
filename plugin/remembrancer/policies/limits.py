"""Limits of what runs at once: the limits of a run, and the wait for a slot of one. Pure functions.

Laws: a run under limits holds a slot of each of them. An occurrence for which one is full waits for that one, and
those that wait are served in their order. Lateness by a wait for a slot is lateness like any other: `misfire` decides.
A limit with a rate is full until its next permit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remembrancer.errors import LimitReached
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.limit import OVERLAP, limit_keys_of, wait_key_of
from remembrancer.policies.circuit import reason_of_circuit
from remembrancer.policies.decision import Park
from remembrancer.policies.overlap import WAITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import Situation
    from remembrancer.ports.limits import Refusal
    from remembrancer.ports.writes import Claim


def under_limits(task: ScheduledTask, claim: Claim, situation: Situation) -> Claim | Park:
    """Return a claim with the limits under which it runs, or a wait for one that is known to be full."""
    if claim.execution.status is not ExecutionStatus.RUNNING:
        return claim
    keys = limit_keys_of(task, situation.limits)
    if not keys:
        return claim
    for key in keys if task.overlap in WAITS else ():
        if key in situation.full:
            return Park(wait_key_of(key), situation.full[key])
    return replace(claim, execution=claim.execution.model_copy(update={"limit_keys": keys}))


def limit_reached(refusal: Refusal, tasks: Mapping[str, str]) -> LimitReached:
    """Return the error about a run by hand that got no slot."""
    held = [tasks.get(each, each) for each in refusal.holders]
    circuit = None if refusal.open_since_ms is None else reason_of(refusal, tasks)
    return LimitReached(refusal.limit_key, refusal.slots, held, refusal.rate, circuit)


def reason_of(refusal: Refusal, tasks: Mapping[str, str]) -> str:
    """Return why an occurrence waits for a slot, for people; *tasks* are those of executions in its way."""
    if refusal.open_since_ms is not None:
        return reason_of_circuit(refusal)
    if refusal.rate is not None:
        return f"The limit {refusal.limit_key} lets {refusal.rate} begin, and the last permit is taken."
    if refusal.limit_key.startswith(OVERLAP):
        held = " and ".join(f"{each} of {tasks.get(each, 'a task that is gone')}" for each in refusal.holders)
        return f"{held} has no outcome yet (overlap key {refusal.limit_key.removeprefix(OVERLAP)})."
    slots, held = refusal.slots, ", ".join(refusal.holders)
    if slots == 0 and not held:
        return f"The limit {refusal.limit_key} has no slots: nothing begins under it until it is raised."
    more = f" and {slots - len(refusal.holders)} more" if held and slots > len(refusal.holders) else ""
    by = f" by {held}{more}" if held else ""
    taken = "The only slot" if slots == 1 else f"All {slots} slots"
    was = f"{taken} of the limit {refusal.limit_key} {'was' if slots == 1 else 'were'} taken{by}"
    return f"{was}. `remembrancer limit` names the tasks that hold {'it' if slots == 1 else 'them'} now."
