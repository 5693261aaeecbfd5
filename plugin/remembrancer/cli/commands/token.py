"""`remembrancer token`: the tokens of the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.exit_codes import FAILED
from remembrancer.model.token import Scope


@dataclass(frozen=True, kw_only=True)
class CreateTokenOptions(GraphOptions):
    """The options of `token create`."""

    name: Annotated[str, Option(help="The client it is for; its requests are on record under this name.")]
    scope: Annotated[Scope, Option(help="read, write (and read), or admin (and all).")] = Scope.READ


async def create(asked: CreateTokenOptions) -> None:
    """Make a token for the API, and show it this once: the graph keeps only its digest.

    For example:

        remembrancer token create --name dashboard --scope read
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen

    async with connect(asked.graph, make=True) as reached:
        made = await reached.scheduler.create_token(asked.name, asked.scope)
    if asked.as_json:
        print_json(made)
    else:
        screen().print(made.token, markup=False, highlight=False, soft_wrap=True)


async def list_tokens(asked: GraphOptions) -> None:
    """List the tokens of the API, revoked ones too.

    For example:

        remembrancer token list
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table, row_table

    async with connect(asked.graph, reading=True) as reached:
        tokens = await reached.scheduler.list_tokens()
    if asked.as_json:
        print_json(tokens)
    else:
        print_table(row_table([dict(vars(token)) for token in tokens]), otherwise="No tokens.")


@dataclass(frozen=True, kw_only=True)
class RevokeTokenOptions(GraphOptions):
    """The options of `token revoke`."""

    name: Annotated[str, Argument(help="As `token list` shows it.")]


async def revoke(asked: RevokeTokenOptions) -> int:
    """Revoke a token, from the next request on. Exit code 1: no active token has this name.

    For example:

        remembrancer token revoke dashboard
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen

    async with connect(asked.graph) as reached:
        revoked = await reached.scheduler.revoke_token(asked.name)
    if asked.as_json:
        print_json({"name": asked.name, "revoked": revoked})
    else:
        said = f"Token {asked.name!r} revoked." if revoked else f"No active token named {asked.name!r}."
        screen().print(said, markup=False, highlight=False)
    return 0 if revoked else FAILED
