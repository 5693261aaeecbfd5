"""An agent of Pydantic AI that is woken: its deferred tools are questions to people."""

# Pydantic AI is in an environment of its own, not in that of the type checker.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from remembrancer.surfaces.frameworks.extras import extra
from remembrancer.surfaces.wake.agent_answer import QUESTION
from remembrancer.surfaces.wake.conversations import (
    ConversationFolder,
    OpenCall,
    Turn,
    is_permission,
    permission_for,
    text_of,
    waking,
)

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer.model.handler_result import Ask
    from remembrancer.ports.handler import Firing, Handler


def wake_pydantic_ai(agent: Any, *, conversations: str | Path, deps: Any = None, question: Ask = QUESTION) -> Handler:
    """Return a handler that wakes an agent of Pydantic AI.

    A tool with `requires_approval` asks people: after `yes` it is called, after another text it is denied, with that
    text. A tool that raises `CallDeferred` asks too, and the answer is its result. Tokens are counted as used.

    Args:
        agent: The agent.
        conversations: The folder that keeps its conversations.
        deps: The dependencies of its runs.
        question: Those that are asked, and what no answer means.

    Raises:
        InvalidInput: Pydantic AI is not installed, or the folder cannot be made.
    """
    with extra("pydantic-ai", "pydantic_ai"):
        import pydantic_ai as _  # noqa: F401 (refused here, not in the first run)
    return waking(_PydanticAISteps(agent, deps), ConversationFolder(conversations), question)


class _PydanticAISteps:
    """The steps of an agent of Pydantic AI; its state is the messages, and the requests that wait."""

    def __init__(self, agent: Any, deps: Any) -> None:
        self._agent = agent
        self._deps = deps

    async def begin(self, prompt: str, history: str | None, firing: Firing) -> Turn:
        """Give it a prompt."""
        return await self._run(firing, history, user_prompt=prompt)

    async def resume(self, state: str, decisions: dict[str, str], firing: Firing) -> Turn:
        """Give it the answers to its calls."""
        from pydantic_ai import DeferredToolResults, ToolApproved, ToolDenied

        approvals = set(json.loads(state)["approvals"])
        results = DeferredToolResults(
            approvals={
                each: ToolApproved() if is_permission(said) else ToolDenied(message=said)
                for each, said in decisions.items()
                if each in approvals
            },
            calls={each: said for each, said in decisions.items() if each not in approvals},
        )
        return await self._run(firing, state, deferred_tool_results=results)

    async def _run(self, firing: Firing, state: str | None, **given: Any) -> Turn:
        from pydantic_ai import DeferredToolRequests
        from pydantic_ai.messages import ModelMessagesTypeAdapter

        if state is not None:
            given["message_history"] = ModelMessagesTypeAdapter.validate_python(json.loads(state)["messages"])
        output = [self._agent.output_type, DeferredToolRequests]
        ended = await self._agent.run(output_type=output, deps=self._deps, **given)
        firing.spend(ended.usage.total_tokens)
        requests = ended.output if isinstance(ended.output, DeferredToolRequests) else DeferredToolRequests()
        approvals = [each.tool_call_id for each in requests.approvals]
        kept = json.dumps({"messages": json.loads(ended.all_messages_json()), "approvals": approvals})
        calls = [
            OpenCall(each.tool_call_id, permission_for((each.tool_name, each.args_as_json_str())))
            for each in requests.approvals
        ] + [OpenCall(each.tool_call_id, _question(each)) for each in requests.calls]
        return Turn(kept, tuple(calls), None if calls else text_of(ended.output))


def _question(call: Any) -> str:
    """Return the question that a call is: its argument, if it has one, and that is a text."""
    values = list(call.args_as_dict().values())
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return f"{call.tool_name}: {call.args_as_json_str()}"
