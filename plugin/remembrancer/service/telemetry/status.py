"""What the service says of itself, in the specification's shapes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from remembrancer.model.replica import Replica

if TYPE_CHECKING:
    from remembrancer.engine.scheduler import Scheduler
    from remembrancer.service.telemetry.metrics import TickStats

NAME: Final = "TaskSchedulerService"
VERSION: Final = "1.0.0"
"""Of the service's interface, as the specification counts it; the package has a version of its own."""


class ServiceType(StrEnum):
    """The names under which hosts look the scheduler up."""

    TASK_SCHEDULER = "task_scheduler"
    MAINTENANCE = "maintenance"


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True)


class TaskExecutionReport(_Report):
    """The checker's passes."""

    run_count: int
    error_count: int
    error_rate: float
    last_run_age_seconds: float


class PerformanceReport(_Report):
    """Whether it runs, and for how long."""

    uptime_seconds: float
    task_running: bool
    healthy: bool


class ReplicationReport(_Report):
    """This scheduler among those that work on the same graph."""

    replica_id: str | None
    graph_id: str | None
    replicas: list[Replica]
    """Those with a recent sign of life."""
    claims_lost: int
    """Occurrences that it reached for and another took first."""
    clock_offset_seconds: float
    """How far the time that counts, that of the graph's server, is ahead of this machine's clock."""


class ServiceStatus(_Report):
    """The specification's TaskSchedulerStatus, with the metrics beside it."""

    service_name: str
    service_type: ServiceType
    is_healthy: bool
    uptime_seconds: float
    active_tasks: int
    check_interval: float
    cron_support: bool
    task_execution: TaskExecutionReport
    performance: PerformanceReport
    metrics: dict[str, float]
    replication: ReplicationReport
    last_error: str | None = None


class ServiceCapabilities(_Report):
    """What the service can do, for hosts that ask before they call."""

    service_name: str
    version: str
    description: str
    features: list[str]
    cron_support: bool
    actions: list[str]
    dependencies: list[str]


CAPABILITIES: Final = ServiceCapabilities(
    service_name=NAME,
    version=VERSION,
    description="Task scheduling and deferral service",
    features=["cron_scheduling", "one_time_defer", "task_persistence"],
    cron_support=True,
    actions=[
        "schedule_task",
        "cancel_task",
        "get_scheduled_tasks",
        "schedule_deferred_task",
        "schedule_tasks",
        "defer_task",
        "run_now",
        "history",
        "cypher",
    ],
    dependencies=["TimeService"],
)


def _replication(scheduler: Scheduler | None) -> ReplicationReport:
    membership = scheduler.membership if scheduler else None
    return ReplicationReport(
        replica_id=membership.replica_id if membership else None,
        graph_id=membership.graph_id if membership else None,
        replicas=list(membership.live) if membership else [],
        claims_lost=scheduler.claims_lost if scheduler else 0,
        clock_offset_seconds=membership.clock_offset_seconds if membership else 0.0,
    )


def status(
    metrics: dict[str, float], passes: TickStats, scheduler: Scheduler | None, last_error: str | None
) -> ServiceStatus:
    """Return the status that these metrics and passes add up to; without a graph open there is no *scheduler*."""
    return ServiceStatus(
        service_name=NAME,
        service_type=ServiceType.TASK_SCHEDULER,
        is_healthy=passes.healthy,
        uptime_seconds=passes.uptime_seconds,
        active_tasks=int(metrics["active_tasks"]),
        check_interval=metrics["check_interval"],
        cron_support=True,
        task_execution=TaskExecutionReport(
            run_count=passes.runs,
            error_count=passes.errors,
            error_rate=metrics["task_error_rate"],
            last_run_age_seconds=passes.age_seconds,
        ),
        performance=PerformanceReport(
            uptime_seconds=passes.uptime_seconds, task_running=passes.running, healthy=passes.healthy
        ),
        metrics=metrics,
        replication=_replication(scheduler),
        last_error=last_error,
    )
