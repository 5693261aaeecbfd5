"""The entries of the table of operations that concern the halt, and their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StrictBool

from remembrancer.model.halt import HaltState
from remembrancer.model.token import Scope
from remembrancer.operations import parameters
from remembrancer.operations.operation import Effect, Http, Operation, Params

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation


class Halt(Params):
    """The reason of a halt."""

    reason: Annotated[str, Field(description="The reason, for people; it is recorded.")]
    stop_running: Annotated[StrictBool, Field(description="Ask what runs to stop, too.")] = False


class Release(Params):
    """The reason of a release."""

    reason: Annotated[str | None, Field(description="The reason, for people; it is recorded.")] = None


HALTS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="halt",
        summary="Halt the scheduler: nothing begins, on any replica, until it is released.",
        scope=Scope.ADMIN,
        effect=Effect.ADDS,
        params=Halt,
        result=HaltState,
        http=(Http(verb="POST", path="/scheduler/halt"),),
    ),
    Operation(
        name="release",
        summary="End the halt: what fell due meanwhile runs, once for each task unless its `misfire` says otherwise.",
        scope=Scope.ADMIN,
        effect=Effect.ADDS,
        params=Release,
        result=HaltState,
        http=(Http(verb="POST", path="/scheduler/release"),),
    ),
    Operation(
        name="halt_state",
        summary="Return whether the scheduler is halted, by whom and why; or its last halt.",
        params=parameters.NoParams,
        result=HaltState,
        http=(Http(verb="GET", path="/scheduler/halt"),),
    ),
)
"""A halt concerns the tasks of all who use the scheduler."""
