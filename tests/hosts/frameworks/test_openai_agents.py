"""OpenAI Agents, with a scripted model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from story import Script, descriptions, followed_up, program, told

if TYPE_CHECKING:
    from remembrancer.tools import SchedulerTools

pytest.importorskip("agents", reason="OPENAI AGENTS IS NOT INSTALLED HERE: run `make hosts`")


def model_of(script: Script) -> Any:
    from agents import Model, ModelResponse, Usage
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

    class Scripted(Model):
        async def get_response(self, **given: Any) -> Any:
            script.instructions, said = given["system_instructions"], given["input"]
            script.tools = {each.name for each in given["tools"]}
            read = [
                each["output"]
                for each in said
                if not isinstance(each, str) and each.get("type") == "function_call_output"
            ]
            call = script.turn(read)
            text = ResponseOutputText(text="done", type="output_text", annotations=[])
            made: Any = (
                ResponseFunctionToolCall(
                    name=call[0], arguments=json.dumps(call[1]), call_id=f"call_{len(read)}", type="function_call"
                )
                if call
                else ResponseOutputMessage(id="1", content=[text], role="assistant", status="completed", type="message")
            )
            return ModelResponse(output=[made], usage=Usage(), response_id=None)

        def stream_response(self, *_: Any, **__: Any) -> Any:
            raise NotImplementedError

    return Scripted()


async def run(tools: SchedulerTools, script: Script) -> str:
    from agents import RunConfig, Runner

    agent = program("with_openai_agents.py")["agent_of"](model_of(script), tools)
    result = await Runner.run(agent, "Tea, please", run_config=RunConfig(tracing_disabled=True))
    return result.final_output


async def test_agent_schedules() -> None:
    await told(run)


async def test_run_schedules_its_follow_up() -> None:
    await followed_up(run)


@pytest.mark.parametrize("arguments", ["{", "[]"])
async def test_arguments_that_are_no_object_are_answered(arguments: str) -> None:
    from remembrancer import TaskSchedulerService
    from remembrancer.tools import SchedulerTools, openai_tools

    async with TaskSchedulerService() as scheduler:
        tools = {each.name: each for each in openai_tools(SchedulerTools(scheduler, "assistant"))}
        answer = json.loads(await tools["tasks"].on_invoke_tool(None, arguments))
        assert "are no JSON" in answer["error"]


async def test_functions_are_tools_too() -> None:
    from agents import function_tool

    from remembrancer import TaskSchedulerService
    from remembrancer.tools import SchedulerTools

    async with TaskSchedulerService() as scheduler:
        tools = SchedulerTools(scheduler, "assistant")
        made = {each.name: each for each in (function_tool(f, strict_mode=False) for f in tools.functions())}
        for each in tools.definitions:
            assert descriptions(made[each.name].params_json_schema) == descriptions(each.parameters)
