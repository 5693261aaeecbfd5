"""The entries of the table of operations that concern limits, and their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StrictFloat, StrictInt, StrictStr

from remembrancer.model.circuit import (
    LEAST_OPEN_SECONDS,
    MOST_FAILURES,
    MOST_OPEN_SECONDS,
    OPEN_SECONDS,
    OPENS_AFTER,
)
from remembrancer.model.limit import LONGEST_KEY, MOST_SLOTS, ConcurrencyLimit
from remembrancer.model.token import Scope
from remembrancer.operations import parameters
from remembrancer.operations.operation import Effect, Http, Operation, Params

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation

_LIMITS: Final = "/scheduler/limits"
_CIRCUITS: Final = "/scheduler/circuits"


CircuitKey = Annotated[
    StrictStr, Field(description="The circuit key of tasks, such as `github`.", min_length=1, max_length=208)
]


class RunNow(parameters.OneTask):
    """The task to run."""

    fence: parameters.Fence = None
    force: parameters.Force = False


class SetLimit(Params):
    """A limit, its slots, and its rate."""

    key: Annotated[
        StrictStr,
        Field(
            description="`all`, `group:` and a group's name, a concurrency key, or a quota such as `open:recurring`.",
            max_length=LONGEST_KEY,
        ),
    ]
    slots: Annotated[
        StrictInt | None,
        Field(
            description="The most executions at once, or open tasks of a quota; null for no limit.",
            ge=0,
            le=MOST_SLOTS,
        ),
    ] = None
    rate: Annotated[
        StrictStr | None,
        Field(description="How many may begin in a time, such as 60/minute; null for any number.", max_length=40),
    ] = None
    burst: Annotated[
        StrictInt | None,
        Field(
            description="How many of these may begin at once; null for those of a tenth of a second, at least one.",
            ge=1,
            le=MOST_SLOTS,
        ),
    ] = None


class SetCircuit(Params):
    """A circuit, when it opens, and for how long."""

    key: CircuitKey
    opens_after: Annotated[
        StrictInt, Field(description="The failures in a row that open it.", ge=1, le=MOST_FAILURES)
    ] = OPENS_AFTER
    open_seconds: Annotated[
        StrictFloat,
        Field(
            description="Seconds from its opening, or from a trial that failed, to the next trial.",
            ge=LEAST_OPEN_SECONDS,
            le=MOST_OPEN_SECONDS,
        ),
    ] = OPEN_SECONDS


class ResetCircuit(Params):
    """A circuit."""

    key: CircuitKey


LIMITS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="set_limit",
        summary="Set how many executions may run at once, or begin in a time: of all, of a group, or under a key.",
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
    Operation(
        name="set_circuit",
        summary="Set after how many failures in a row the circuit of a service opens, and for how long.",
        scope=Scope.ADMIN,
        effect=Effect.ADDS,
        params=SetCircuit,
        result=ConcurrencyLimit,
        http=(Http(verb="POST", path=_CIRCUITS),),
    ),
    Operation(
        name="reset_circuit",
        summary="Close the circuit of a service at once, and forget its failures: what waits for it runs.",
        scope=Scope.ADMIN,
        effect=Effect.ADDS,
        params=ResetCircuit,
        result=ConcurrencyLimit,
        http=(Http(verb="POST", path=f"{_CIRCUITS}/reset"),),
    ),
)
"""A limit concerns the tasks of all who use the scheduler."""
