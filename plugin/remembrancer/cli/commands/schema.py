"""`remembrancer schema`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option, echo

from remembrancer.cli.command import CommandOptions
from remembrancer.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class SchemaOptions(CommandOptions):
    """The options of `schema`."""

    neo4j: Annotated[bool, Option("--neo4j", help="For a Neo4j server.")] = False


async def schema(asked: SchemaOptions) -> None:
    """Print the statements that make the schema on a Neo4j server, for somebody who may run them.

    A scheduler that finds the schema there writes none, and its user needs no right to. For example:

        remembrancer schema --neo4j | cypher-shell -a neo4j://graph.example:7687 -d memory -u admin
    """
    from remembrancer.bootstrap import neo4j_schema
    from remembrancer.cli.output import print_json

    if not asked.neo4j:
        raise InvalidInput("--neo4j", asked.neo4j, "--neo4j: an embedded graph makes its own schema", "--neo4j")
    statements = neo4j_schema()
    if asked.as_json:
        print_json(statements)
    else:
        echo("".join(f"{statement};\n" for statement in statements), nl=False)
