"""The entry of the table of operations that derives armed times again, and its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StrictBool

from remembrancer.model.recheck import RecheckResult
from remembrancer.model.token import Scope
from remembrancer.operations.operation import Effect, Http, Operation, Params

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation


class Recheck(Params):
    """A recheck, done or simulated."""

    dry_run: Annotated[StrictBool, Field(description="Write nothing; the answer has the fires that would move.")] = (
        False
    )


RECHECKS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="recheck",
        summary="Derive armed times again by the zone rules now in force; with `dry_run`, only say which fires move.",
        scope=Scope.ADMIN,
        effect=Effect.ADDS,
        params=Recheck,
        result=RecheckResult,
        http=(Http(verb="POST", path="/scheduler/recheck"),),
    ),
)
"""The operation on all armed times."""
