"""An agent of OpenAI Agents that is woken, with a scripted model."""

from __future__ import annotations

from contextlib import asynccontextmanager
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

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from remembrancer.ports.handler import Handler

pytest.importorskip("agents", reason="OPENAI AGENTS IS NOT INSTALLED HERE: run `make hosts`")


@asynccontextmanager
async def life(folder: Path, shown: list[int]) -> AsyncIterator[Handler]:
    from agents import Agent, Model, ModelResponse, RunConfig, Usage, function_tool
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

    class Scripted(Model):
        async def get_response(self, **given: Any) -> Any:
            said = [each if isinstance(each, dict) else each.model_dump() for each in given["input"]]
            shown.append(sum(each.get("role") == "user" for each in said))
            made: Any = ResponseFunctionToolCall(
                name="book", arguments='{"price": 180}', call_id=f"call_{len(said)}", type="function_call"
            )
            if said[-1].get("type") == "function_call_output":
                text = ResponseOutputText(text=f"done: {said[-1]['output']}", type="output_text", annotations=[])
                made = ResponseOutputMessage(
                    id="1", content=[text], role="assistant", status="completed", type="message"
                )
            return ModelResponse(output=[made], usage=Usage(), response_id=None)

        def stream_response(self, *_: Any, **__: Any) -> Any:
            raise NotImplementedError

    agent = Agent(name="traveller", model=Scripted(), tools=[function_tool(book, needs_approval=True)])
    handler_of = program("wake_openai_agents.py", "waking-agents.md")["handler_of"]
    yield handler_of(agent, folder / "conversations", RunConfig(tracing_disabled=True))


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
