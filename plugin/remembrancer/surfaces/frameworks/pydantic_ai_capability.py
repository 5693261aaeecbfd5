"""An agent's tools for Pydantic AI: tools and instructions from one object."""

# Pydantic AI is in an environment of its own, not in that of the type checker.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUntypedBaseClass=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from remembrancer.errors import RemembrancerError
from remembrancer.surfaces.frameworks.extras import extra
from remembrancer.surfaces.tools.scheduler_access import said_of

if TYPE_CHECKING:
    from remembrancer.surfaces.tools.scheduler_tools import SchedulerTools, ToolDefinition


def pydantic_ai_capability(tools: SchedulerTools) -> Any:
    """Return a capability of Pydantic AI, for `Agent(capabilities=[…])`: the tools, and their instructions.

    A refusal is a `ToolFailed`: the model reads it, and no retry is counted.

    Raises InvalidInput: Pydantic AI is not installed.
    """
    return _capability()(tools)


@cache
def _capability() -> type[Any]:
    with extra("pydantic-ai", "pydantic_ai"):
        from pydantic_ai.capabilities import AbstractCapability
        from pydantic_ai.toolsets import FunctionToolset

    class SchedulerCapability(AbstractCapability):
        """The scheduler as a capability of an agent."""

        def __init__(self, tools: SchedulerTools) -> None:
            self.tools = tools

        def get_toolset(self) -> Any:
            """Return the tools."""
            return FunctionToolset([_tool(self.tools, each) for each in self.tools.definitions])

        def get_instructions(self) -> str:
            """Return the instructions."""
            return self.tools.instructions

        @classmethod
        def get_serialization_name(cls) -> None:
            """Return None: it holds a scheduler, which no text does."""

    return SchedulerCapability


def _tool(tools: SchedulerTools, definition: ToolDefinition) -> Any:
    from pydantic_ai import Tool, ToolFailed

    async def call(**arguments: object) -> dict[str, Any]:
        try:
            return await tools.call(definition.name, arguments)
        except RemembrancerError as refusal:
            raise ToolFailed(said_of(refusal, definition.name)) from refusal

    return Tool.from_schema(call, definition.name, definition.description, definition.parameters)
