"""The specification's nineteen metrics, under its exact names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial, wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from remembrancer.ports.statistics import mean_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from datetime import datetime
    from types import CoroutineType

    from remembrancer.ports.graph import Graph
    from remembrancer.service.calls import Calls

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Self = TypeVar("_Self", bound="CallCounts")


@dataclass(frozen=True, slots=True)
class TickStats:
    """The ticks of the loop since its start, and the age of the last good one, in seconds."""

    runs: int
    errors: int
    age_seconds: float
    running: bool
    healthy: bool
    uptime_seconds: float
    missed: int = 0
    background: str = "stopped"
    """running, stopped, or failed: it ended by itself."""
    memory_bytes: int = 0
    """The memory of the tasks under way."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """The values that the reports read from their process."""

    interval_seconds: float
    now: Callable[[], datetime]
    """The time by the scheduler's clock."""
    store: Callable[[], Graph]
    """The open graph. Raises NotRunning."""
    passes: Callable[[], TickStats]
    calls: Calls


class CallCounts(Protocol):
    """A report on a process, whose own calls count there."""

    vitals: Vitals


def count_calls(
    method: Callable[Concatenate[_Self, _P], Coroutine[None, None, _T]],
) -> Callable[Concatenate[_Self, _P], CoroutineType[None, None, _T]]:
    """Let *method* be awaited on any event loop, and count each call of it."""

    @wraps(method)
    async def called(self: _Self, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await self.vitals.calls.take(partial(method, self, *args, **kwargs))

    return called


def active_tasks(totals: Mapping[str, float]) -> float:
    """Return how many tasks are PENDING or ACTIVE."""
    ended = sum(totals.get(name, 0) for name in ("tasks_completed", "tasks_failed", "tasks_cancelled"))
    return totals.get("tasks_created", 0) - ended


def metrics(totals: Mapping[str, float], passes: TickStats, calls: Calls, interval_seconds: float) -> dict[str, float]:
    """Return the metrics. Counts of tasks, deferrals, triggers and executions are over the graph's whole life."""
    return {
        "active_tasks": float(active_tasks(totals)),
        "check_interval": float(interval_seconds),
        "task_run_count": float(passes.runs),
        "task_error_count": float(passes.errors),
        "task_error_rate": passes.errors / max(1, passes.runs),
        "task_interval_seconds": float(interval_seconds),
        "time_since_last_task_run": passes.age_seconds,
        "task_running": float(passes.running),
        "uptime_seconds": passes.uptime_seconds,
        "request_count": float(calls.requests),
        "error_count": float(calls.errors),
        "error_rate": calls.errors / max(1, calls.requests),
        "healthy": float(passes.healthy),
        "scheduled_tasks_created": float(totals.get("tasks_created", 0)),
        "scheduled_tasks_completed": float(totals.get("tasks_completed", 0)),
        "scheduled_tasks_failed": float(totals.get("tasks_failed", 0)),
        "deferral_requests": float(totals.get("deferrals", 0)),
        "cron_trigger_count": float(totals.get("cron_triggers", 0)),
        "avg_task_execution_time": mean_seconds(totals),
    }
