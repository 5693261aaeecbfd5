"""An agent's tools for LangChain and LangGraph."""

# LangChain is in an environment of its own, not in that of the type checker.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from remembrancer.errors import RemembrancerError
from remembrancer.surfaces.frameworks.extras import extra
from remembrancer.surfaces.tools.scheduler_access import said_of

if TYPE_CHECKING:
    from remembrancer.surfaces.tools.scheduler_tools import SchedulerTools, ToolDefinition


def langchain_tools(tools: SchedulerTools) -> list[Any]:
    """Return tools of LangChain, for `create_agent`, `ToolNode` and `bind_tools`.

    A refusal is a message with the status `error`. They may be invoked with and without an event loop.

    Raises InvalidInput: LangChain is not installed.
    """
    return [_tool(tools, each) for each in tools.definitions]


def _tool(tools: SchedulerTools, definition: ToolDefinition) -> Any:
    with extra("langchain", "langchain_core"):
        from langchain_core.tools import StructuredTool, ToolException

    async def call(**arguments: object) -> str:
        try:
            return json.dumps(await tools.call(definition.name, arguments), ensure_ascii=False)
        except RemembrancerError as refusal:
            raise ToolException(said_of(refusal, definition.name)) from refusal

    def wait(**arguments: object) -> str:
        return asyncio.run(call(**arguments))

    return StructuredTool(
        name=definition.name,
        description=definition.description,
        args_schema=definition.parameters,
        func=wait,
        coroutine=call,
        handle_tool_error=True,
    )
