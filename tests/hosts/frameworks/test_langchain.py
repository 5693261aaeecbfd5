"""LangChain and LangGraph, with a scripted model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from story import Script, descriptions, followed_up, program, told

from remembrancer import TaskSchedulerService
from remembrancer.tools import SchedulerTools, langchain_tools

if TYPE_CHECKING:
    from collections.abc import Sequence

pytest.importorskip("langchain", reason="LANGCHAIN IS NOT INSTALLED HERE: run `make hosts`")


def model_of(script: Script) -> Any:
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langchain_core.utils.function_calling import convert_to_openai_tool

    class Scripted(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "scripted"

        def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
            script.tools = {convert_to_openai_tool(each)["function"]["name"] for each in tools}
            return self

        def _generate(self, messages: list[Any], *_: Any, **__: Any) -> Any:
            script.instructions = messages[0].content
            call = script.turn([each.content for each in messages if each.type == "tool"])
            calls = [{"name": call[0], "args": call[1], "id": f"call_{len(messages)}"}] if call else []
            return ChatResult(generations=[ChatGeneration(message=AIMessage("done", tool_calls=calls))])

    return Scripted()


async def run(tools: SchedulerTools, script: Script) -> str:
    agent = program("with_langchain.py")["agent_of"](model_of(script), tools)
    return (await agent.ainvoke({"messages": [("user", "Tea, please")]}))["messages"][-1].content


async def run_without_loop(tools: SchedulerTools, script: Script) -> str:
    agent = program("with_langchain.py")["agent_of"](model_of(script), tools)
    answer = await asyncio.to_thread(agent.invoke, {"messages": [("user", "Tea, please")]})
    return answer["messages"][-1].content


@pytest.mark.parametrize("way", [run, run_without_loop])
async def test_agent_schedules(way: Any) -> None:
    await told(way)


@pytest.mark.parametrize("way", [run, run_without_loop])
async def test_run_schedules_its_follow_up(way: Any) -> None:
    await followed_up(way)


async def test_refusal_has_the_status_error() -> None:
    async with TaskSchedulerService() as scheduler:
        tools = {each.name: each for each in langchain_tools(SchedulerTools(scheduler, "assistant"))}
        call = {"name": "task", "args": {"task_id": "task_1.000_aaaaaa"}, "id": "1", "type": "tool_call"}
        answer = await tools["task"].ainvoke(call)
        assert (answer.status, answer.content.partition(":")[0]) == ("error", "TaskNotFound")


async def test_functions_are_tools_too() -> None:
    from langchain_core.tools import StructuredTool

    async with TaskSchedulerService() as scheduler:
        tools = SchedulerTools(scheduler, "assistant")
        made = {each.name: each for each in (StructuredTool.from_function(coroutine=f) for f in tools.functions())}
        for each in tools.definitions:
            schema = made[each.name].tool_call_schema.model_json_schema()
            assert descriptions(schema) == descriptions(each.parameters)
        answer = await made["schedule"].ainvoke({"name": "Tea", "trigger_prompt": "Tea", "defer_until": "in 1h"})
        assert answer["disposition"] == "created"
