"""Remembrancer: a task scheduler for AI agents, kept in the agent's memory graph."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from remembrancer.assembly import TaskSchedulerService
    from remembrancer.assembly.backups import backup_graph, restore_graph
    from remembrancer.assembly.checks import check_graph, repair_graph
    from remembrancer.assembly.copies import copy_graph
    from remembrancer.engine.options import Options
    from remembrancer.errors import InvalidInput, RemembrancerError, TaskChanged, TaskEnded, TaskNotFound
    from remembrancer.model.execution import Execution, ExecutionStatus, Reason
    from remembrancer.model.outcome import Defer, Done, Failed, Thought
    from remembrancer.model.policy import Fold, Gap, Misfire, OnLost, Seconds, TaskStatus
    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.task import ScheduledReply, ScheduledTask, ScheduledTaskInfo
    from remembrancer.ports.handler import Firing, Handler
    from remembrancer.surfaces.registry import get_service
    from remembrancer.surfaces.reports import ServiceCapabilities, ServiceStatus, ServiceType

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
    "Options",
    "Reason",
    "RemembrancerError",
    "ScheduleRequest",
    "ScheduledReply",
    "ScheduledTask",
    "ScheduledTaskInfo",
    "Seconds",
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
    "assembly": ["TaskSchedulerService"],
    "assembly.backups": ["backup_graph", "restore_graph"],
    "assembly.checks": ["check_graph", "repair_graph"],
    "assembly.copies": ["copy_graph"],
    "engine.options": ["Options"],
    "errors": ["InvalidInput", "RemembrancerError", "TaskChanged", "TaskEnded", "TaskNotFound"],
    "model.execution": ["Execution", "ExecutionStatus", "Reason"],
    "model.outcome": ["Defer", "Done", "Failed", "Thought"],
    "model.policy": ["Fold", "Gap", "Misfire", "OnLost", "Seconds", "TaskStatus"],
    "model.request": ["ScheduleRequest"],
    "model.task": ["ScheduledReply", "ScheduledTask", "ScheduledTaskInfo"],
    "ports.handler": ["Firing", "Handler"],
    "surfaces.registry": ["get_service"],
    "surfaces.reports": ["ServiceCapabilities", "ServiceStatus", "ServiceType"],
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
