"""The deferral that a handler asks for: permitted by the host, then worked out on the task as it is by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.context import Actor
from remembrancer.engine.execution.handler_call import deferral_of, deferral_refused
from remembrancer.engine.execution.outcome_writer import retry_unavailable
from remembrancer.errors import RemembrancerError
from remembrancer.model.execution import Reason
from remembrancer.model.handler_result import HandlerOutcome
from remembrancer.policies.timers import timer_of

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.policies.unanswered.deferral_limits import DeferralLimits
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.handler import Firing
    from remembrancer.ports.timers import TimerGate
    from remembrancer.ports.writes import Reschedule


async def permitted(
    timers: TimerGate | None,
    firing: Firing,
    outcome: HandlerOutcome | None,
    now: datetime,
    limits: DeferralLimits,
) -> HandlerOutcome | None:
    """Return *outcome*, or the failure of a run whose host does not let its deferral or question be put on a timer."""
    if timers is None or outcome is None or outcome.deferral is None:
        return outcome
    wanted = deferral_of(firing.task, outcome, now, firing.execution, limits)
    if isinstance(wanted, HandlerOutcome):
        return outcome  # refused already, or in vain
    author = Actor("handler", firing.execution.execution_id)
    refused = await timers.refusal(timer_of(firing.task, wanted, author))
    return outcome if refused is None else deferral_refused(refused, Reason.TIMER_REFUSED)


async def settled(
    store: Graph, firing: Firing, outcome: HandlerOutcome, now: datetime, limits: DeferralLimits
) -> Reschedule | HandlerOutcome | None:
    """Return the deferral that *outcome* asks for, the outcome that takes its place, or None if it asks for none."""
    if not outcome.deferral:
        return None
    try:
        current = await retry_unavailable(lambda: store.tasks.get(firing.task.task_id), firing.execution.execution_id)
        return deferral_of(current, outcome, now, firing.execution, limits)
    except RemembrancerError as error:  # the task is gone, or cannot be read
        return deferral_refused(str(error))
