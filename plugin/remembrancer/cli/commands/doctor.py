"""`remembrancer doctor`: ten diagnostic checks."""

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
        bool, Option("--rules", help="Print the same checks as Prometheus alert rules, without running them.")
    ] = False


async def doctor(asked: DoctorOptions) -> int:
    """Run ten diagnostic checks; print each finding, why it matters, and what to do.

    The numbers of tasks and executions are compared with the graph's counters: by counting nodes up to 10,000 of
    each, and by the engine's own counts above. `remembrancer check` compares everything.

    Exit code 0: all checks are ok. 5: a check warns. 6: a check is critical.

    For example:

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
                results = await reached.scheduler.examine()
        except GraphNotFound:  # it may exist, but not be writable
            if (folder := folder_of(asked.graph)) is None or not folder.exists():
                raise
            async with connect(asked.graph, read_only=True) as reached:
                results = await reached.scheduler.examine()
    except GraphUnavailable as error:
        results = _of_unreadable(error)
    if asked.as_json:
        print_json(results)
    else:
        _print(results)
    return {Severity.OK: 0, Severity.WARN: WARNED, Severity.CRITICAL: CRITICAL}[worst(results)]


def _of_unreadable(error: GraphUnavailable) -> list[CheckResult]:
    """Return the checks of a graph that exists and cannot be read; raise errors that are not the graph's."""
    from remembrancer.model.timestamps import to_ms
    from remembrancer.operations.diagnostics.checks import diagnose
    from remembrancer.operations.diagnostics.unreadable_graph import facts_without_graph

    if not isinstance(error, GraphDamaged | GraphReplaced) and type(error) is not GraphUnavailable:
        raise error
    return diagnose(facts_without_graph(to_ms(datetime.now(UTC)), str(error)))


def _print(results: Sequence[CheckResult]) -> None:
    from remembrancer.cli.output import coloured, print_table, screen, word_table

    print_table(word_table("check", [(each.check, each.health, each.saw) for each in results]))
    for each in results:
        if each.health != "ok":
            screen().print(f"\n[bold]{each.check}[/] {coloured(each.health)}")
            screen().print(f"  {each.why}\n  {each.do}", markup=False, highlight=False)
