"""A graph of LangGraph, and an agent of LangChain, that are woken, with a scripted model."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from awakened import (
    asked_and_answered,
    attempt_after_a_crash,
    book,
    conversation_of_two_runs,
    unanswered_call_is_left,
)
from story import program

from remembrancer import InvalidInput, TaskSchedulerService, wake
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from remembrancer.ports.handler import Handler

pytest.importorskip("langgraph", reason="LANGGRAPH IS NOT INSTALLED HERE: run `make hosts`")


@asynccontextmanager
async def life(folder: Path, shown: list[int]) -> AsyncIterator[Handler]:
    from langchain.agents import create_agent
    from langchain.agents.middleware import HumanInTheLoopMiddleware
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    class Scripted(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "scripted"

        def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
            return self

        def _generate(self, messages: list[Any], *_: Any, **__: Any) -> Any:
            shown.append(sum(each.type == "human" for each in messages))
            made = AIMessage("", tool_calls=[{"name": "book", "args": {"price": 180}, "id": f"call_{len(messages)}"}])
            if messages[-1].type == "tool":
                made = AIMessage(f"done: {messages[-1].content}")
            return ChatResult(generations=[ChatGeneration(message=made)])

    async with AsyncSqliteSaver.from_conn_string(str(folder / "threads.sqlite")) as saver:
        asks = [HumanInTheLoopMiddleware(interrupt_on={"book": True})]
        handler_of = program("wake_langchain.py", "waking-agents.md")["handler_of"]
        yield handler_of(create_agent(Scripted(), [book], middleware=asks, checkpointer=saver))


@pytest.mark.parametrize(("answer", "paid"), [("yes", [180]), ("It is too dear.", [])])
@pytest.mark.parametrize("session", ["fresh", "same"])
async def test_answer_of_people_resumes_it(tmp_path: Path, answer: str, paid: list[int], session: str) -> None:
    await asked_and_answered(life, tmp_path, answer, paid, session=session)


async def test_attempt_after_a_crash_does_nothing_twice(tmp_path: Path) -> None:
    await attempt_after_a_crash(life, tmp_path)


@pytest.mark.parametrize(("session", "prompts"), [("fresh", [1, 1, 1, 1]), ("same", [1, 1, 2, 2])])
async def test_session_says_which_runs_share_it(tmp_path: Path, session: str, prompts: list[int]) -> None:
    await conversation_of_two_runs(life, tmp_path, session, prompts)


async def test_refused_call_does_not_hold_the_next_run(tmp_path: Path) -> None:
    await unanswered_call_is_left(life, tmp_path)


def graph_of(saver: Any) -> Any:
    """Two nodes that ask at once, and then one that asks with the same words."""
    from operator import add
    from typing import Annotated

    from langgraph.graph import START, StateGraph
    from langgraph.types import interrupt
    from typing_extensions import TypedDict

    State = TypedDict("State", {"said": Annotated[list[str], add]})  # noqa: UP013 (its names are local)
    graph = StateGraph(State)
    graph.add_node("left", lambda _: {"said": ["left " + interrupt("left?")]})
    graph.add_node("right", lambda _: {"said": ["right " + interrupt({"question": "right?"})]})
    graph.add_node("last", lambda _: {"said": ["last " + interrupt("left?")]})
    graph.add_edge(START, "left")
    graph.add_edge(START, "right")
    graph.add_edge(["left", "right"], "last")
    return graph.compile(checkpointer=saver)


async def test_interrupts_are_asked_one_after_the_other() -> None:
    from langgraph.checkpoint.memory import InMemorySaver

    clock = VirtualClock(datetime(2027, 1, 4, 9, tzinfo=UTC))
    given = {"given": lambda firing: {"said": [firing.trigger_prompt]}, "result": lambda state: str(state["said"])}
    handler = wake.langgraph(graph_of(InMemorySaver()), **given)
    async with ManualScheduler(TaskSchedulerService(":memory:", clock, handler=handler), clock) as scheduler:
        task = await scheduler.service.schedule_task("Walk", "g", "go", "t", "in 1m")
        await scheduler.tick(timedelta(minutes=1))
        for question, answer in (("left?", "tree"), ("right?", "house"), ("left?", "gate")):
            [asked] = await scheduler.service.questions()
            assert asked.question == question
            await scheduler.service.answer_task(task.task_id, answer)
            await scheduler.tick(timedelta(minutes=1))
        done = (await scheduler.service.history())[0]
        assert (done.status, done.result) == ("completed", "['go', 'left tree', 'right house', 'last gate']")


def test_graph_without_a_checkpointer_is_refused() -> None:
    with pytest.raises(InvalidInput, match="a compiled graph with a checkpointer"):
        wake.langgraph(graph_of(None))
