"""The entries for administrators, with their parameters: queries, retention, copies, tokens."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import ConfigDict, Field, StrictBool

from remembrancer.model.json_bounds import check_bounds
from remembrancer.model.prune_result import PruneResult
from remembrancer.model.token import AccessToken, NewToken, Scope
from remembrancer.operations import parameters
from remembrancer.operations.operation import Effect, Http, Operation, Params
from remembrancer.operations.parameters import QueryParameters  # noqa: TC001 (pydantic reads the annotations at run time)

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation


class Cypher(Params):
    """A reading query in Cypher, and its parameters."""

    query: Annotated[str, Field(description="The text of the query.")]
    parameters: QueryParameters = None

    def check(self) -> None:
        """Refuse parameters that are not JSON. Raises InvalidInput."""
        check_bounds(self.parameters, "parameters", {"limit": 10})


class Prune(Params):
    """The number of days that executions are kept."""

    model_config = ConfigDict(strict=True)  # or `true` would be one day

    keep_days: Annotated[float, Field(description="Executions that began later are kept.")]
    dry_run: Annotated[StrictBool, Field(description="Write nothing; the answer has what would be rolled up.")] = False


class Snapshot(Params):
    """The empty folder to copy to."""

    folder: str


class CreateToken(Params):
    """The name and the scope of a token."""

    name: str
    scope: str


class OneToken(Params):
    """The name of a token."""

    name: Annotated[str, Field(description="The name of the token.")]


ADMINISTRATION: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="cypher",
        summary="Answer a reading query in Cypher over the live graph.",
        scope=Scope.ADMIN,
        effect=Effect.READS,
        params=Cypher,
        result=list[dict[str, object]],
        http=(Http(verb="POST", path="/scheduler/cypher", is_bounded=False),),
    ),
    Operation(
        name="prune",
        summary="Roll up executions that ended and began more than `keep_days` ago; with `dry_run`, only say how many.",
        scope=Scope.ADMIN,
        effect=Effect.DESTROYS,
        params=Prune,
        result=PruneResult,
        http=(Http(verb="POST", path="/scheduler/prune"),),
    ),
    Operation(
        name="snapshot",
        summary="Copy the files of an embedded graph, as they are at one time, into an empty folder, while tasks fire.",
        scope=Scope.ADMIN,
        effect=Effect.READS,
        params=Snapshot,
        result=NoneType,
    ),
    Operation(
        name="create_token",
        summary="Make a token for the API; its text is shown this once.",
        scope=Scope.ADMIN,
        effect=Effect.ADDS,
        params=CreateToken,
        result=NewToken,
    ),
    Operation(
        name="list_tokens",
        summary="Return the tokens of the API, revoked ones too.",
        scope=Scope.ADMIN,
        effect=Effect.READS,
        params=parameters.NoParams,
        result=list[AccessToken],
    ),
    Operation(
        name="revoke_token",
        summary="Revoke a token of the API; false if no active token has this name.",
        scope=Scope.ADMIN,
        effect=Effect.DESTROYS,
        params=OneToken,
        result=bool,
    ),
)
"""Operations that need the scope `admin`."""
