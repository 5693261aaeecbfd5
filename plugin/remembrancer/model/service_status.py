"""The specification's status and capabilities of the service."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from remembrancer.model.halt import HaltState
from remembrancer.model.replica import Replica  # noqa: TC001 (pydantic reads the annotations at run time)


class ServiceType(StrEnum):
    """The names under which hosts look the scheduler up."""

    TASK_SCHEDULER = "task_scheduler"
    """A scheduler of tasks."""
    MAINTENANCE = "maintenance"
    """A service that maintains its host."""


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True)


class TaskExecutionReport(_Report):
    """The ticks of the loop."""

    run_count: int
    """Ticks since the scheduler started."""
    error_count: int
    """Ticks of these that failed."""
    error_rate: float
    """Failed ticks for each tick, 0 to 1."""
    last_run_age_seconds: float
    """Seconds since the last good tick; 0 before the first."""


class PerformanceReport(_Report):
    """The uptime and the health of the scheduler."""

    uptime_seconds: float
    """Seconds since the scheduler started."""
    task_running: bool
    """True while the loop runs."""
    healthy: bool
    """True if the loop runs, its last tick is recent and was good, and the graph is there and the same."""


class ReplicationReport(_Report):
    """This scheduler among those that work on the same graph."""

    replica_id: str | None
    """The key of this scheduler among the replicas; None while no graph is open."""
    graph_id: str | None
    """The key of the graph; None while none is open."""
    replicas: list[Replica]
    """Those with a recent sign of life."""
    claims_lost: int
    """Occurrences that it reached for and another took first."""
    clock_offset_seconds: float
    """Seconds by which the clock of the graph's server, which counts, is ahead of this machine's."""


class WaitingReport(_Report):
    """The counts of what waits, and of what failed for good, in the whole graph; each up to 10,000."""

    as_of: datetime
    """The time of these counts."""
    retries: int
    """Next attempts that wait for their time."""
    tasks: dict[str, int]
    """Tasks whose occurrences have come and wait, by the kind of what they wait for: budget, queue, slot or task."""
    longest_wait_seconds: float
    """Seconds for which the first of these tasks has waited; 0 without any."""
    dead_letters: int
    """Dead letters that are not cleared."""
    dead_letter_failures: int
    """Failures that these dead letters count."""


class ServiceStatus(_Report):
    """The specification's TaskSchedulerStatus, with the metrics beside it."""

    service_name: str
    """The specification's name of the service."""
    service_type: ServiceType
    """The name under which hosts look it up."""
    is_healthy: bool
    """True if the loop runs, its last tick is recent and was good, and the graph is there and the same."""
    uptime_seconds: float
    """Seconds since the scheduler started."""
    active_tasks: int
    """Open tasks, PENDING and ACTIVE."""
    check_interval: float
    """Seconds from one regular tick of the loop to the next."""
    cron_support: bool
    """True: cron expressions are read."""
    task_execution: TaskExecutionReport
    """The ticks of the loop."""
    performance: PerformanceReport
    """The uptime and the health."""
    metrics: dict[str, float]
    """The value of each of the specification's metrics, by name."""
    replication: ReplicationReport
    """This scheduler among its replicas."""
    halt: HaltState = HaltState()
    """The halt as this process last saw it."""
    waiting: WaitingReport | None = None
    """The counts of what waits, as this process last read them; None until then, and if the graph does not answer."""
    retries_begun: int = 0
    """Later attempts that began since the graph was made, as far as this process knows."""
    failures_for_good: int = 0
    """Failures that no attempt followed since the graph was made, as far as this process knows."""
    last_error: str | None = None
    """The last fault as text; None if there was none."""


class ServiceCapabilities(_Report):
    """The abilities of the service, for hosts that ask before they call."""

    service_name: str
    """The specification's name of the service."""
    version: str
    """The version of the service's interface; the package has a version of its own."""
    description: str
    """The purpose of the service."""
    features: list[str]
    """The specification's words for its abilities."""
    cron_support: bool
    """True: cron expressions are read."""
    actions: list[str]
    """The names of the operations that hosts can call."""
    dependencies: list[str]
    """The services of the host that it counts on."""
