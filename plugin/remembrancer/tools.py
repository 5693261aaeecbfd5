"""The scheduler as tools of an agent that runs in this process."""

from remembrancer.surfaces.tools.scheduler_tools import SchedulerTools, ToolDefinition

__all__ = ["SchedulerTools", "ToolDefinition"]
