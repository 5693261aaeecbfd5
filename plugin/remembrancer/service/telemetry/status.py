"""The status and the capabilities of the service, in the specification's shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.halt import HaltState
from remembrancer.model.service_status import (
    PerformanceReport,
    ReplicationReport,
    ServiceCapabilities,
    ServiceStatus,
    ServiceType,
    TaskExecutionReport,
    WaitingReport,
)
from remembrancer.operations import catalog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.engine.scheduler import Scheduler
    from remembrancer.service.telemetry.metrics import TickStats

NAME: Final = "TaskSchedulerService"
VERSION: Final = "1.0.0"
"""Of the service's interface, as the specification counts it; the package has a version of its own."""


def capabilities() -> ServiceCapabilities:
    """Return what the service can do: its actions are the operations of the table that are methods of its own."""
    return ServiceCapabilities(
        service_name=NAME,
        version=VERSION,
        description="Task scheduling and deferral service",
        features=["cron_scheduling", "one_time_defer", "task_persistence"],
        cron_support=True,
        actions=[each.name for each in catalog.OPERATIONS if not each.is_nested],
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
    metrics: dict[str, float],
    passes: TickStats,
    scheduler: Scheduler | None,
    last_error: str | None,
    *,
    waiting: WaitingReport | None,
    totals: Mapping[str, float],
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
        halt=scheduler.gate.state if scheduler else HaltState(),
        waiting=waiting,
        retries_begun=int(totals.get("executions_retried", 0)),
        failures_for_good=int(totals.get("failures_final", 0)),
        last_error=last_error,
    )
