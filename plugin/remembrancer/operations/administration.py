"""The entries of the table of operations for administrators: queries, retention, copies and tokens."""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Final

from remembrancer.model.prune_result import PruneResult
from remembrancer.model.token import AccessToken, NewToken, Scope
from remembrancer.operations import parameters
from remembrancer.operations.operation import Effect, Http, Operation

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation

ADMINISTRATION: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="cypher",
        summary="Answer a reading query in Cypher over the live graph.",
        scope=Scope.ADMIN,
        effect=Effect.READS,
        params=parameters.Cypher,
        result=list[dict[str, object]],
        http=(Http(verb="POST", path="/scheduler/cypher", is_bounded=False),),
    ),
    Operation(
        name="prune",
        summary="Roll up executions that ended and began more than `keep_days` ago; with `dry_run`, only say how many.",
        scope=Scope.ADMIN,
        effect=Effect.DESTROYS,
        params=parameters.Prune,
        result=PruneResult,
        http=(Http(verb="POST", path="/scheduler/prune"),),
    ),
    Operation(
        name="snapshot",
        summary="Copy the files of an embedded graph, as they are at one time, into an empty folder, while tasks fire.",
        scope=Scope.ADMIN,
        effect=Effect.READS,
        params=parameters.Snapshot,
        result=NoneType,
    ),
    Operation(
        name="create_token",
        summary="Make a token for the API; its text is shown this once.",
        scope=Scope.ADMIN,
        effect=Effect.ADDS,
        params=parameters.CreateToken,
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
        params=parameters.OneToken,
        result=bool,
    ),
)
"""Operations that need the scope `admin`."""
