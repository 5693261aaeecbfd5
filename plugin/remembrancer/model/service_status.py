"""The specification's status and capabilities of the service."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from remembrancer.model.replica import Replica  # noqa: TC001 (pydantic reads the annotations at run time)


class ServiceType(StrEnum):
    """The names under which hosts look the scheduler up."""

    TASK_SCHEDULER = "task_scheduler"
    MAINTENANCE = "maintenance"


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True)


class TaskExecutionReport(_Report):
    """The ticks of the loop."""

    run_count: int
    error_count: int
    error_rate: float
    last_run_age_seconds: float


class PerformanceReport(_Report):
    """The uptime and the health of the scheduler."""

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
    """Seconds by which the clock of the graph's server, which counts, is ahead of this machine's."""


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
    """The abilities of the service, for hosts that ask before they call."""

    service_name: str
    version: str
    description: str
    features: list[str]
    cron_support: bool
    actions: list[str]
    dependencies: list[str]
