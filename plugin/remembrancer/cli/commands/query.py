"""`remembrancer query`, and `cypher`, its other name."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option

from remembrancer.cli.command import ReadOptions
from remembrancer.errors import InvalidInput
from remembrancer.model.json_bounds import DEPTH, JsonTooDeep, RepeatedKey, read_json


@dataclass(frozen=True, kw_only=True)
class QueryOptions(ReadOptions):
    """The options of `query`."""

    query: Annotated[
        str, Argument(metavar="TEXT|NAME", help="The query's text, or its name; - reads the text from stdin.")
    ]
    params: Annotated[
        list[str] | None,
        Option(
            "--param",
            "-P",
            metavar="NAME=VALUE",
            help="A parameter; VALUE is JSON, else text. May be given again.",
        ),
    ] = None


async def query(asked: QueryOptions) -> None:
    """Ask the graph a reading question: in Cypher, or one that comes with the package, by its name.

    Named are `why_not`, `waits`, `upcoming`, `outcomes`, `outcomes_by_task`, `outcomes_by_day`, `deferral_reasons`,
    `deferral_chains`, `chain_of_deferral`, `tasks_by_prefix` and `history_edges`. With --json: a list of objects, one a
    row. `cypher` is another name of this command.

    For example:

        remembrancer query why_not -P limit=10
        remembrancer query "MATCH (t:scheduled_task) RETURN t.name, t.status ORDER BY t.name"
        remembrancer cypher 'MATCH (e:task_execution {status: $s}) RETURN count(*) AS n' -P s=failed --json
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table, row_table

    text = sys.stdin.read() if asked.query == "-" else asked.query
    parameters = dict(_parameter(each) for each in asked.params or ())
    async with connect(asked.graph, read_only=asked.read_only, reading=True) as reached:
        ask = reached.scheduler.run_query if text.isidentifier() else reached.scheduler.cypher
        rows = await ask(text, parameters)
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
    except RepeatedKey as repeated:
        raise InvalidInput("--param", value, f"{RepeatedKey.allowed}; {repeated}", "status=failed") from repeated
    except ValueError:
        return name, value
