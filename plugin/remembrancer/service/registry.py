"""Where code that was not handed the service finds it, as the specification's examples do."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from remembrancer.errors import ServiceStopped
from remembrancer.service.telemetry.status import ServiceType

if TYPE_CHECKING:
    from remembrancer.service.lifecycle import Lifecycle
    from remembrancer.service.service import SchedulerService

_started: list[SchedulerService] = []


def get_service(service_type: ServiceType | str) -> SchedulerService:
    """Return the running scheduler of this process, the last started if there are several.

    Raises:
        ValueError: No such type of service.
        ServiceStopped: None is running.
    """
    ServiceType(service_type)
    mine = [service for service in _started if not (service.calls.is_forked or service.calls.is_homeless)]
    if not mine:
        raise ServiceStopped(
            "No scheduler is running in this process. Start one: await TaskSchedulerService(...).start()"
        )
    return mine[-1]


def enlist(service: Lifecycle) -> None:
    """Let *service* be found: once, though its checker was started a second time."""
    strike(service)
    _started.append(cast("SchedulerService", service))


def strike(service: Lifecycle) -> None:
    """Let *service* be found no more."""
    if service in _started:
        _started.remove(cast("SchedulerService", service))
