"""Pydantic AI, with a scripted model: tools and instructions from one capability."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from story import Script, descriptions, followed_up, program, told

if TYPE_CHECKING:
    from remembrancer.tools import SchedulerTools

pytest.importorskip("pydantic_ai", reason="PYDANTIC AI IS NOT INSTALLED HERE: run `make hosts`")


def model_of(script: Script) -> Any:
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
    from pydantic_ai.models.function import FunctionModel

    def answer(messages: list[Any], info: Any) -> Any:
        script.tools = {each.name for each in info.function_tools}
        script.instructions = info.instructions
        parts = [part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]
        call = script.turn([part.model_response_str() for part in parts])
        return ModelResponse([ToolCallPart(*call) if call else TextPart("done")])

    return FunctionModel(answer)


async def run(tools: SchedulerTools, script: Script) -> str:
    agent = program("with_pydantic_ai.py")["agent_of"](model_of(script), tools)
    return (await agent.run("Tea, please")).output


async def test_agent_schedules() -> None:
    await told(run)


async def test_run_schedules_its_follow_up() -> None:
    await followed_up(run)


async def test_schema_is_as_it_is_over_mcp() -> None:
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelResponse, TextPart
    from pydantic_ai.models.function import FunctionModel

    from remembrancer import TaskSchedulerService
    from remembrancer.tools import SchedulerTools, pydantic_ai_capability

    shown: dict[str, Any] = {}

    def answer(_: list[Any], info: Any) -> Any:
        shown.update({each.name: each.parameters_json_schema for each in info.function_tools})
        return ModelResponse([TextPart("done")])

    async with TaskSchedulerService() as scheduler:
        tools = SchedulerTools(scheduler, "assistant")
        await Agent(FunctionModel(answer), capabilities=[pydantic_ai_capability(tools)]).run("?")
    assert json.dumps(shown) == json.dumps({each.name: each.parameters for each in tools.definitions})


async def test_functions_are_tools_too() -> None:
    """Its own reading of the signatures: names, descriptions, types."""
    from pydantic_ai import Tool

    from remembrancer import TaskSchedulerService
    from remembrancer.tools import SchedulerTools

    async with TaskSchedulerService() as scheduler:
        tools = SchedulerTools(scheduler, "assistant")
        for function, each in zip(tools.functions(), tools.definitions, strict=True):
            shown = Tool(function).tool_def
            assert (shown.name, shown.description) == (each.name, each.description)
            assert descriptions(shown.parameters_json_schema) == descriptions(each.parameters)
