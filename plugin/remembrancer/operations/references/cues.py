"""The query of a cue, tried when it is scheduled: a wrong one is refused, with the engine's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from remembrancer.context import MAY_QUERY
from remembrancer.errors import InvalidInput
from remembrancer.policies.matches import matches_of
from remembrancer.schedules.reaction import check_cue

if TYPE_CHECKING:
    from remembrancer.model.reacting_schedules import Cue
    from remembrancer.model.schedule import ScheduleValue
    from remembrancer.ports.graph import Graph

_GIVEN: Final = {
    "now": datetime(2026, 1, 1, tzinfo=UTC),
    "last_check": datetime(1970, 1, 1, tzinfo=UTC),
    "task_id": "task_1723644600.123_9f3k2a",
}
"""Values of the parameters that each check gives, for the trial."""


async def tried_cue(store: Graph, value: ScheduleValue) -> ScheduleValue:
    """Return a cue whose query the engine answers within its limits.

    Raises:
        InvalidInput: It does not, or the caller may not ask any question of the graph.
    """
    cue = cast("Cue", value)
    check_cue(cue)
    if not MAY_QUERY.get():
        allowed = "another kind of schedule; a cue may read the whole graph, and needs a token with the scope admin"
        raise InvalidInput("schedule", "cue", allowed, {"kind": "every", "every": "5m"})
    matches_of(await store.watches.matches(cue.cypher, {**(cue.parameters or {}), **_GIVEN}))
    return value
