"""An agent's tools for OpenAI Agents."""

# OpenAI Agents is in an environment of its own, not in that of the type checker.
# pyright: reportMissingImports=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from remembrancer.surfaces.frameworks.extras import extra

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.surfaces.tools.scheduler_tools import SchedulerTools, ToolDefinition


def openai_tools(tools: SchedulerTools) -> list[Any]:
    """Return tools of OpenAI Agents, for `Agent(tools=…, instructions=tools.instructions)`.

    A refusal is an answer with the field `error`.

    Raises InvalidInput: OpenAI Agents is not installed.
    """
    return [_tool(tools, each) for each in tools.definitions]


def _tool(tools: SchedulerTools, definition: ToolDefinition) -> Any:
    with extra("openai-agents", "agents"):
        from agents import FunctionTool

    async def invoke(_: object, arguments: str) -> str:
        return json.dumps(await _answer(tools, definition.name, arguments), ensure_ascii=False)

    return FunctionTool(
        name=definition.name,
        description=definition.description,
        params_json_schema=definition.parameters,
        on_invoke_tool=invoke,
        strict_json_schema=False,
    )


async def _answer(tools: SchedulerTools, name: str, arguments: str) -> dict[str, Any]:
    """Call a tool with the JSON text that the model wrote."""
    try:
        given: object = json.loads(arguments or "{}")
    except ValueError as fault:
        return {"error": f"InvalidInput: the arguments are no JSON: {fault}"}
    if not isinstance(given, dict):
        return {"error": "InvalidInput: the arguments are no JSON object"}
    return await tools.answer(name, cast("Mapping[str, object]", given))
