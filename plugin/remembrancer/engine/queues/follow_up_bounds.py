"""The bounds of follow-ups: of the settings, and the quotas that they need room in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remembrancer.model.quota import quotas_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Claim, NewFollowUp
    from remembrancer.settings import SchedulerOptions


async def with_bounds(claims: list[Claim], store: Graph, options: SchedulerOptions) -> list[Claim]:
    """Return claims with the bounds of their follow-ups; nothing is read where there are none."""
    if all(claim.follow_up is None for claim in claims):
        return claims
    known = await store.limits.quotas()
    return [
        claim if claim.follow_up is None else replace(claim, follow_up=_bounded(claim.follow_up, known, options))
        for claim in claims
    ]


def _bounded(wanted: NewFollowUp, known: Mapping[str, int | None], options: SchedulerOptions) -> NewFollowUp:
    quotas = quotas_of([wanted.task], known, options.quotas)
    closed = next((each for each in quotas if known.get(each.key, each.most) == 0), None)
    refusal = None if closed is None else f"the quota {closed.limit_key} lets no task be open"
    return replace(wanted, limits=options.lineage_limits, quotas=quotas, refusal=refusal)
