"""`remembrancer status`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from remembrancer.cli.command import ReadOptions
from remembrancer.cli.exit_codes import FAILED

if TYPE_CHECKING:
    from remembrancer.model.service_status import ServiceStatus


@dataclass(frozen=True, kw_only=True)
class StatusOptions(ReadOptions):
    """The options of `status`."""


async def status(asked: StatusOptions) -> int:
    """Show scheduler status and metrics. Exit code 1: a scheduler runs, and is not healthy.

    Without a scheduler on this graph, it shows the statistics of the graph. On a server, it lists the replicas.

    For example:

        remembrancer status
        remembrancer status --json | jq .metrics.active_tasks
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.views.pauses import pause_of_all

    async with connect(asked.graph, read_only=asked.read_only, reading=True) as reached:
        told = await reached.status()
        held = None if asked.as_json else await pause_of_all(reached)
    if asked.as_json:
        print_json({"graph": _shown(asked.graph), "running": reached.running, **dict(told)})
    else:
        _print(_shown(asked.graph), told, held, running=reached.running)
    return FAILED if reached.running and not told.is_healthy else 0


def _print(graph: str, told: ServiceStatus, held: str | None, *, running: bool) -> None:
    from remembrancer.cli.output import print_table, row_table, screen
    from remembrancer.cli.views.halts import halt_line

    health = "healthy" if told.is_healthy else "not healthy"
    others = told.replication.replicas
    words = f"a scheduler runs, {health}, for {told.uptime_seconds:,.0f} s"
    if not running:
        words = f"{_count(len(others))} on this graph" if others else "a scheduler does not run on this graph"
    screen().print(f"{graph}: {words}", markup=False, highlight=False)
    if told.last_error:
        screen().print(f"last error: {told.last_error}", markup=False, highlight=False)
    if halted := halt_line(told.halt):
        screen().print(halted, markup=False, highlight=False)
    if held:
        screen().print(held, markup=False, highlight=False)
    if others and not running:
        print_table(row_table([dict(each) for each in others]))
        screen().print()
    own = () if running else _OF_A_RUN
    shown = {name: value for name, value in told.metrics.items() if name not in own} | _waiting_numbers(told)
    print_table(row_table([{"metric": name, "value": f"{value:g}"} for name, value in shown.items()]))


def _waiting_numbers(told: ServiceStatus) -> dict[str, float]:
    """Return the counts of attempts, dead letters and waits; of the graph, only if it answered."""
    numbers: dict[str, float] = {"retries_begun": told.retries_begun, "failures_for_good": told.failures_for_good}
    if (waiting := told.waiting) is not None:
        numbers |= {
            "retries_waiting": waiting.retries,
            "dead_letters": waiting.dead_letters,
            "dead_letter_failures": waiting.dead_letter_failures,
            **{f"waiting_for_{kind}": tasks for kind, tasks in waiting.tasks.items()},
            "longest_wait_seconds": waiting.longest_wait_seconds,
        }
    return numbers


def _shown(graph: str) -> str:
    from remembrancer.bootstrap import shown

    return shown(graph)


def _count(schedulers: int) -> str:
    return "1 scheduler runs" if schedulers == 1 else f"{schedulers} schedulers run"


_OF_A_RUN = frozenset(
    {
        "check_interval",
        "error_count",
        "error_rate",
        "healthy",
        "request_count",
        "task_error_count",
        "task_error_rate",
        "task_interval_seconds",
        "task_run_count",
        "task_running",
        "time_since_last_task_run",
        "uptime_seconds",
    }
)
"""Metrics that only a running scheduler has."""
