"""Remembrancer: a task scheduler for AI agents, kept in the agent's memory graph."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from remembrancer.bootstrap import TaskSchedulerService
    from remembrancer.bootstrap.backups import backup_graph, restore_graph
    from remembrancer.bootstrap.checks import check_graph, repair_graph
    from remembrancer.bootstrap.copies import copy_graph
    from remembrancer.errors import InvalidInput, RemembrancerError, TaskChanged, TaskEnded, TaskNotFound
    from remembrancer.model.execution import Execution, ExecutionStatus, Reason
    from remembrancer.model.handler_result import Defer, Done, Failed, Thought
    from remembrancer.model.policy import Fold, Gap, Misfire, OnLost, SecondsField
    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.task import ScheduledTask, ScheduledTaskInfo, ScheduleResult
    from remembrancer.model.task_status import TaskStatus
    from remembrancer.ports.handler import Firing, Handler
    from remembrancer.service.lookup import get_service
    from remembrancer.service.telemetry.status import ServiceCapabilities, ServiceStatus, ServiceType
    from remembrancer.settings import SchedulerOptions

__version__ = "0.1.0"

__all__ = [
    "Defer",
    "Done",
    "Execution",
    "ExecutionStatus",
    "Failed",
    "Firing",
    "Fold",
    "Gap",
    "Handler",
    "InvalidInput",
    "Misfire",
    "OnLost",
    "Reason",
    "RemembrancerError",
    "ScheduleRequest",
    "ScheduleResult",
    "ScheduledTask",
    "ScheduledTaskInfo",
    "SchedulerOptions",
    "SecondsField",
    "ServiceCapabilities",
    "ServiceStatus",
    "ServiceType",
    "TaskChanged",
    "TaskEnded",
    "TaskNotFound",
    "TaskSchedulerService",
    "TaskStatus",
    "Thought",
    "backup_graph",
    "check_graph",
    "copy_graph",
    "get_service",
    "repair_graph",
    "restore_graph",
]

_HOMES = {
    "bootstrap": ["TaskSchedulerService"],
    "bootstrap.backups": ["backup_graph", "restore_graph"],
    "bootstrap.checks": ["check_graph", "repair_graph"],
    "bootstrap.copies": ["copy_graph"],
    "settings": ["SchedulerOptions"],
    "errors": ["InvalidInput", "RemembrancerError", "TaskChanged", "TaskEnded", "TaskNotFound"],
    "model.execution": ["Execution", "ExecutionStatus", "Reason"],
    "model.handler_result": ["Defer", "Done", "Failed", "Thought"],
    "model.policy": ["Fold", "Gap", "Misfire", "OnLost", "SecondsField"],
    "model.request": ["ScheduleRequest"],
    "model.task": ["ScheduleResult", "ScheduledTask", "ScheduledTaskInfo"],
    "model.task_status": ["TaskStatus"],
    "ports.handler": ["Firing", "Handler"],
    "service.lookup": ["get_service"],
    "service.telemetry.status": ["ServiceCapabilities", "ServiceStatus", "ServiceType"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name when it is first used, so that importing the package costs next to nothing."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    """List the public names, those not loaded yet too."""
    return sorted({*globals(), *__all__})
