"""The entries of the table of operations that concern limits, and their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StrictInt, StrictStr

from remembrancer.model.limit import MOST_SLOTS, ConcurrencyLimit
from remembrancer.model.token import Scope
from remembrancer.operations import parameters
from remembrancer.operations.operation import Effect, Http, Operation, Params

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation

_LIMITS: Final = "/scheduler/limits"
_MOST: Final = 1000


class RunNow(parameters.OneTask):
    """The task to run."""

    fence: parameters.Fence = None
    force: parameters.Force = False


class SetLimit(Params):
    """A limit, and its slots."""

    key: Annotated[
        StrictStr, Field(description="`all`, `group:` and the name of a group, or a concurrency key.", max_length=100)
    ]
    slots: Annotated[
        StrictInt | None,
        Field(description="The most executions at once; null for no limit.", ge=0, le=MOST_SLOTS),
    ] = None


LIMITS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="set_limit",
        summary="Set how many executions may run at once: of all tasks, of a group, or under a concurrency key.",
        scope=Scope.ADMIN,
        effect=Effect.ADDS,
        params=SetLimit,
        result=ConcurrencyLimit,
        http=(Http(verb="POST", path=_LIMITS),),
    ),
    Operation(
        name="list_limits",
        summary="Return the limits, with the executions that hold their slots and the number of tasks that wait.",
        params=parameters.NoParams,
        result=list[ConcurrencyLimit],
        http=(Http(verb="GET", path=_LIMITS),),
    ),
)
"""A limit concerns the tasks of all who use the scheduler."""
