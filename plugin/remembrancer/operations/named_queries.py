"""Named queries: their parameters are completed, and a wrong name or parameter is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_limit
from remembrancer.model.json_bounds import check_bounds
from remembrancer.model.timestamps import to_ms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from remembrancer.ports.graph import Graph

_EXAMPLES: Final[dict[str, object]] = {
    "limit": 10,
    "now_ms": 1_796_000_000_000,
    "prefix": "task_17",
    "deferral_id": "defer_1723644600.123_9f3k2a",
}
"""Values of the parameters of named queries."""


async def run_query(
    store: Graph, name: str, parameters: Mapping[str, object] | None, limit: int, now: datetime
) -> Sequence[dict[str, object]]:
    """Answer the named query; *limit* and *now* count where *parameters* do not say otherwise. Raises InvalidInput."""
    most = read_limit(limit)
    found = store.named_queries.get(name)
    if found is None:
        raise InvalidInput("name", name, ", ".join(sorted(store.named_queries)), "why_not")
    given = dict(parameters or {})
    check_bounds(given, "parameters", {"limit": 10})
    known = {"limit": most, "now_ms": to_ms(now), **given}
    read_limit(known["limit"])
    for wanted, names, allowed in (
        (given, found.parameters, ", ".join(found.parameters) or f"none: {name} takes no parameters"),
        (found.parameters, known, f"a value for each of {', '.join(found.parameters)}"),
    ):
        if wrong := [each for each in wanted if each not in names]:
            example = {each: _EXAMPLES.get(each, "…") for each in found.parameters}
            raise InvalidInput("parameters", wrong[0], allowed, example)
    return await store.query(found.text, {each: known[each] for each in found.parameters})
