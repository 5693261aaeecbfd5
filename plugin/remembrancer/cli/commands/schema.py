"""`remembrancer schema`."""

from __future__ import annotations

from dataclasses import dataclass

from typer import echo

from remembrancer.cli.command import CommandOptions


@dataclass(frozen=True, kw_only=True)
class SchemaOptions(CommandOptions):
    """The options of `schema`."""


async def schema(asked: SchemaOptions) -> None:
    """Print the statements that make the schema on a Neo4j server, for its administrator.

    A scheduler that finds the schema there writes none, and its user needs no right to. An embedded graph makes its
    own. For example:

        remembrancer schema | cypher-shell -a neo4j://graph.example:7687 -d memory -u admin
    """
    from remembrancer.bootstrap.engines import ENGINES
    from remembrancer.cli.output import print_json

    statements = ENGINES["neo4j"].schema()
    if asked.as_json:
        print_json(statements)
    else:
        echo("".join(f"{statement};\n" for statement in statements), nl=False)
