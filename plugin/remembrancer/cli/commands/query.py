"""`remembrancer cypher`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option

from remembrancer.cli.command import ReadOptions
from remembrancer.errors import InvalidInput
from remembrancer.model.json_bounds import DEPTH, JsonTooDeep, read_json


@dataclass(frozen=True, kw_only=True)
class CypherOptions(ReadOptions):
    """The options of `cypher`."""

    query: Annotated[str, Argument(help="The query's text; - reads it from stdin.")]
    params: Annotated[
        list[str] | None,
        Option(
            "--param",
            "-P",
            metavar="NAME=VALUE",
            help="A parameter; VALUE is JSON, else text. May be given again.",
        ),
    ] = None


async def cypher(asked: CypherOptions) -> None:
    """Ask the graph a reading question in Cypher.

    With --json: a list of objects, one a row. For example:

        remembrancer cypher "MATCH (t:scheduled_task) RETURN t.name, t.status ORDER BY t.name"
        remembrancer cypher 'MATCH (e:task_execution {status: $s}) RETURN count(*) AS n' -P s=failed --json
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table, row_table

    query = sys.stdin.read() if asked.query == "-" else asked.query
    parameters = dict(_parameter(each) for each in asked.params or ())
    async with connect(asked.graph, read_only=asked.read_only, reading=True) as reached:
        rows = await reached.scheduler.cypher(query, parameters)
    if asked.as_json:
        print_json(rows)
    else:
        print_table(row_table(rows), otherwise="No rows.")


def _parameter(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise InvalidInput("--param", text, "a name, an equals sign and a value", "status=failed")
    try:
        return name, read_json(value)
    except JsonTooDeep as deep:
        raise InvalidInput("--param", value, f"a value at most {DEPTH} levels deep", "status=failed") from deep
    except ValueError:
        return name, value
