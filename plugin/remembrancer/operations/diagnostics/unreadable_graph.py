"""The facts of a graph that cannot be read: those of the process, and why the graph does not respond."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from remembrancer.operations.diagnostics.checks import DiagnosticFacts
from remembrancer.ports.health import UNKNOWN
from remembrancer.ports.statistics import LifetimeStatistics, WindowStatistics

if TYPE_CHECKING:
    from remembrancer.operations.diagnostics.checks import ProcessStats


def facts_without_graph(
    now_ms: int, silent: str, *, open_tasks: int = 0, exclusive: bool = True, process: ProcessStats | None = None
) -> DiagnosticFacts:
    """Return facts without those of the graph; *silent* says why it does not respond."""
    return DiagnosticFacts(
        now_ms=now_ms,
        sounding=UNKNOWN,
        answer_seconds=0.0,
        clock_offset_seconds=0.0,
        day=WindowStatistics(),
        hour=WindowStatistics(),
        lifelong=LifetimeStatistics({}, Counter(), None),
        open_tasks=open_tasks,
        most_deferred=None,
        exclusive=exclusive,
        process=process,
        silent=silent,
    )
