"""The specification's nineteen metrics, under its exact names."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
    from datetime import datetime

    from remembrancer.engine.scheduler import Scheduler
    from remembrancer.ports.task_store import TaskStore

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Self = TypeVar("_Self", bound="Counted")


@dataclass(slots=True)
class Calls:
    """The calls that a surface took, and how many it refused or failed."""

    requests: int = 0
    errors: int = 0
    _inside: set[object] = field(default_factory=set[object])

    @contextmanager
    def counted(self) -> Generator[None]:
        """Count a call, and whether it was refused or failed; what is called on its behalf is a part of it."""
        caller = asyncio.current_task()
        if caller in self._inside:
            yield
            return
        self.requests += 1
        self._inside.add(caller)
        try:
            yield
        except Exception:
            self.errors += 1
            raise
        finally:
            self._inside.discard(caller)


@dataclass(frozen=True, slots=True)
class Passes:
    """The checker's passes since its start, and how old the last good one is, in seconds."""

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
    """What the tasks under way take."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the reports ask of the process that they tell of."""

    interval_seconds: float
    now: Callable[[], datetime]
    """The time by the scheduler's clock."""
    store: Callable[[], TaskStore]
    """The open graph. Raises ServiceStopped."""
    passes: Callable[[], Passes]
    calls: Calls


class Counted(Protocol):
    """What tells of a process, and whose own calls count there."""

    vitals: Vitals


def counted(
    method: Callable[Concatenate[_Self, _P], Awaitable[_T]],
) -> Callable[Concatenate[_Self, _P], Coroutine[None, None, _T]]:
    """Count each call of *method*."""

    @wraps(method)
    async def called(self: _Self, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        with self.vitals.calls.counted():
            return await method(self, *args, **kwargs)

    return called


def works(scheduler: Scheduler, started_at: datetime, now: datetime, allowed_seconds: float) -> bool:
    """Whether the last pass was good and is not older than allowed, and the graph is there and the same.

    A scheduler that has just started has made no pass yet: it counts from its start.
    """
    if scheduler.is_failing or scheduler.presence.trouble:
        return False
    return (now - (scheduler.last_pass_at or started_at)).total_seconds() <= allowed_seconds


def active_tasks(totals: Mapping[str, float]) -> float:
    """Return how many tasks are PENDING or ACTIVE."""
    ended = sum(totals.get(name, 0) for name in ("tasks_completed", "tasks_failed", "tasks_cancelled"))
    return totals.get("tasks_created", 0) - ended


def metrics(totals: Mapping[str, float], passes: Passes, calls: Calls, interval_seconds: float) -> dict[str, float]:
    """Return the metrics. Counts of tasks, deferrals, triggers and executions are over the graph's whole life."""
    settled = totals.get("executions_completed", 0) + totals.get("executions_failed", 0)
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
        "avg_task_execution_time": totals.get("execution_seconds", 0) / settled if settled else 0.0,
    }
