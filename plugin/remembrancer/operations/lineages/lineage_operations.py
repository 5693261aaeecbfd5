"""The entries of the table of operations that concern lineages, and their parameters."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StrictBool, StrictInt

from remembrancer.model.budget import Budget  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.bulk_edit import BulkResult
from remembrancer.model.lineage import Lineage, OpenLineage
from remembrancer.model.token import Scope
from remembrancer.operations.operation import AnyOperation, Effect, Http, Operation, Params

_LINEAGE: Final = "/scheduler/lineages/{of}"
_Of = Annotated[str, Field(description="A task, or the thought that started the lineage.")]


class OneLineage(Params):
    """A lineage, and how many of its tasks are shown."""

    of: _Of
    limit: Annotated[StrictInt, Field(ge=1, le=10_000, description="The most tasks in the answer.")] = 1000


class ListLineages(Params):
    """The number of lineages that are shown."""

    limit: Annotated[StrictInt, Field(ge=1, le=10_000, description="The most lineages in the answer.")] = 100


class SetBudget(Params):
    """A lineage, its bounds, and the reason."""

    of: _Of
    budget: Annotated[
        Budget | str,
        Field(description="The bounds to set, by name; null takes one away. Or a text: `max_depth=3,max_fan_out=10`."),
    ]
    reason: Annotated[str | None, Field(description="The reason, for people.")] = None


class StopLineage(Params):
    """A lineage, the reason, and whether nothing is written."""

    of: _Of
    reason: Annotated[str | None, Field(description="The reason, for people.")] = None
    dry_run: Annotated[StrictBool, Field(description="Write nothing; the answer has what would be cancelled.")] = False


LINEAGES: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="lineage",
        summary="Return a lineage: the tree of tasks that a thought started, and its budget.",
        params=OneLineage,
        result=Lineage,
        http=(Http(verb="GET", path=_LINEAGE),),
    ),
    Operation(
        name="lineages",
        summary="Return lineages with open tasks: those that have a budget, or have grown; the largest first.",
        params=ListLineages,
        result=list[OpenLineage],
        http=(Http(verb="GET", path="/scheduler/lineages"),),
    ),
    Operation(
        name="set_budget",
        summary="Give a lineage other bounds; refused to handlers, which would set their own.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=SetBudget,
        result=Lineage,
        http=(Http(verb="POST", path=f"{_LINEAGE}/budget"),),
    ),
    Operation(
        name="stop_lineage",
        summary="Cancel all open tasks of a lineage; of a task, it and all that came of it.",
        scope=Scope.WRITE,
        effect=Effect.DESTROYS,
        params=StopLineage,
        result=BulkResult,
        http=(Http(verb="POST", path=f"{_LINEAGE}/stop"),),
    ),
)
"""Trees of tasks."""
