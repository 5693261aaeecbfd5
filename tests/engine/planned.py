"""The claim that the policies make for a due task, as a scheduler makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.policies import pipeline
from remembrancer.policies.claims import claim_of
from remembrancer.policies.decision import PLAIN, PlanContext

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Claim


def plan(task: ScheduledTask, now_ms: int, replica_id: str) -> Claim:
    """Return what *task*, which is due at *now_ms*, does."""
    context = PlanContext(now_ms, replica_id)
    claim = claim_of(task, pipeline.plan(task, PLAIN, context), context)
    assert claim
    return claim
