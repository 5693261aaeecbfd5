"""Lookup of the running service, for code that was not handed it, as in the specification's examples."""

from __future__ import annotations

from typing import cast

from remembrancer.errors import NotRunning
from remembrancer.service import registry
from remembrancer.service.service import SchedulerService
from remembrancer.service.telemetry.status import ServiceType


def get_service(service_type: ServiceType | str) -> SchedulerService:
    """Return the running scheduler of this process, the last started if there are several.

    Raises:
        ValueError: No such type of service.
        NotRunning: None is running.
    """
    ServiceType(service_type)
    if not (running := registry.running()):
        raise NotRunning("No scheduler is running in this process. Start one: await TaskSchedulerService(...).start()")
    return cast("SchedulerService", running[-1])
