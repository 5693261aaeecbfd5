"""`remembrancer doctor`: the ten things worth watching, looked at now."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Final

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.errors import GraphDamaged, GraphNotFound, GraphReplaced, GraphUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.operations.diagnostics.checks import CheckResult

WARNED: Final = 5
CRITICAL: Final = 6


@dataclass(frozen=True, kw_only=True)
class DoctorOptions(GraphOptions):
    """The options of `doctor`."""

    rules: Annotated[
        bool, Option("--rules", help="Print the same checks as a rule file for Prometheus, and look at nothing.")
    ] = False


async def doctor(asked: DoctorOptions) -> int:
    """Look at ten things that go wrong with schedulers: what it saw, why it matters, what to do.

    Tasks and executions are compared with the graph's books: counted one by one up to 10,000 of each, and by the
    engine's own counts above. `remembrancer check` compares everything.

    Exit code 0: all is well. 5: something is worth a look. 6: something is critical. For example:

        remembrancer doctor
        remembrancer doctor --json | jq -r '.[] | select(.health != "ok") | .do'
        remembrancer doctor --rules > remembrancer-alerts.yml
    """
    if asked.rules:
        sys.stdout.write(files("remembrancer.surfaces.otel").joinpath("alerts.yml").read_text("utf-8"))
        return 0
    from remembrancer.cli.connect import connect, folder_of
    from remembrancer.cli.output import print_json
    from remembrancer.operations.diagnostics.checks import Severity, worst

    try:
        try:
            async with connect(asked.graph) as reached:
                told = await reached.scheduler.examine()
        except GraphNotFound:  # it may be there, and may not be written
            if (folder := folder_of(asked.graph)) is None or not folder.exists():
                raise
            async with connect(asked.graph, read_only=True) as reached:
                told = await reached.scheduler.examine()
    except GraphUnavailable as error:
        told = _of_unreadable(error)
    if asked.as_json:
        print_json(told)
    else:
        _print(told)
    return {Severity.OK: 0, Severity.WARN: WARNED, Severity.CRITICAL: CRITICAL}[worst(told)]


def _of_unreadable(error: GraphUnavailable) -> list[CheckResult]:
    """Return what the checks say of a graph that is there and cannot be read; raise what is no illness of the graph."""
    from remembrancer.model.timestamps import to_ms
    from remembrancer.operations.diagnostics.checks import diagnose
    from remembrancer.operations.diagnostics.unreadable_graph import facts_without_graph

    if not isinstance(error, GraphDamaged | GraphReplaced) and type(error) is not GraphUnavailable:
        raise error
    return diagnose(facts_without_graph(to_ms(datetime.now(UTC)), str(error)))


def _print(told: Sequence[CheckResult]) -> None:
    from remembrancer.cli.output import coloured, print_table, screen, word_table

    print_table(word_table("check", [(each.check, each.health, each.saw) for each in told]))
    for each in told:
        if each.health != "ok":
            screen().print(f"\n[bold]{each.check}[/] {coloured(each.health)}")
            screen().print(f"  {each.why}\n  {each.do}", markup=False, highlight=False)
