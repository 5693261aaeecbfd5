"""An agent of Pydantic AI that is woken, with a scripted model."""

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

from remembrancer import TaskSchedulerService, wake
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from remembrancer.ports.handler import Handler

pytest.importorskip("pydantic_ai", reason="PYDANTIC AI IS NOT INSTALLED HERE: run `make hosts`")


@asynccontextmanager
async def life(folder: Path, shown: list[int]) -> AsyncIterator[Handler]:
    from pydantic_ai import Agent, Tool
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart
    from pydantic_ai.models.function import FunctionModel

    def answer(messages: list[Any], _: Any) -> Any:
        parts = [part for message in messages for part in message.parts]
        read = [part.content for part in parts if isinstance(part, ToolReturnPart)]
        prompts = [part for part in parts if isinstance(part, UserPromptPart)]
        shown.append(len(prompts))
        # A call to which nobody has answered leaves a prompt without one.
        calls = not isinstance(parts[-1], ToolReturnPart)
        return ModelResponse([ToolCallPart("book", {"price": 180}) if calls else TextPart(f"done: {read[-1]}")])

    agent = Agent(FunctionModel(answer), tools=[Tool(book, requires_approval=True)])
    handler_of = program("wake_pydantic_ai.py", "waking-agents.md")["handler_of"]
    yield handler_of(agent, folder / "conversations")


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


async def test_deferred_call_is_answered_by_people(tmp_path: Path) -> None:
    from pydantic_ai import Agent, CallDeferred
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
    from pydantic_ai.models.function import FunctionModel

    def answer(messages: list[Any], _: Any) -> Any:
        read = [part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]
        calls = [ToolCallPart("ask", {"question": each}) for each in ("By the window?", "When?")]
        return ModelResponse([TextPart(", ".join(each.content for each in read))] if read else calls)

    agent = Agent(FunctionModel(answer))

    @agent.tool_plain
    def ask(question: str) -> str:
        raise CallDeferred

    clock = VirtualClock(datetime(2027, 1, 4, 9, tzinfo=UTC))
    handler = wake.pydantic_ai(agent, conversations=tmp_path)
    async with ManualScheduler(TaskSchedulerService(":memory:", clock, handler=handler), clock) as scheduler:
        task = await scheduler.service.schedule_task("Lisbon", "g", "Book it.", "t", "in 1m", budget={"tokens": 9999})
        await scheduler.tick(timedelta(minutes=1))
        for question, said in (("By the window?", "yes"), ("When?", "in May")):
            assert [each.question for each in await scheduler.service.questions()] == [question]
            await scheduler.service.answer_task(task.task_id, said)
            await scheduler.tick(timedelta(minutes=1))
        assert (await scheduler.service.history())[0].result == "yes, in May"
        assert (await scheduler.service.lineage("t")).spent["tokens"] > 0
