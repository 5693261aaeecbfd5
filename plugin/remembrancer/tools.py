"""The scheduler as tools of an agent that runs in this process, and the same in the forms of agent frameworks."""

from remembrancer.surfaces.frameworks.langchain_tools import langchain_tools
from remembrancer.surfaces.frameworks.openai_tools import openai_tools
from remembrancer.surfaces.frameworks.pydantic_ai_capability import pydantic_ai_capability
from remembrancer.surfaces.tools.scheduler_tools import SchedulerTools, ToolDefinition

__all__ = ["SchedulerTools", "ToolDefinition", "langchain_tools", "openai_tools", "pydantic_ai_capability"]
