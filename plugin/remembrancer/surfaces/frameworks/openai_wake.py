"""An agent of OpenAI Agents that is woken: tools that need approval are questions to people."""

# OpenAI Agents is in an environment of its own, not in that of the type checker.
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


def wake_openai(agent: Any, *, conversations: str | Path, run_config: Any = None, question: Ask = QUESTION) -> Handler:
    """Return a handler that wakes an agent of OpenAI Agents.

    A tool with `needs_approval` asks people: after `yes` it is called, after another text it is rejected, with that
    text. Tokens are counted as used.

    Args:
        agent: The agent.
        conversations: The folder that keeps its conversations.
        run_config: The `RunConfig` of its runs.
        question: Those that are asked, and what no answer means.

    Raises:
        InvalidInput: OpenAI Agents is not installed, or the folder cannot be made.
    """
    with extra("openai-agents", "agents"):
        import agents as _  # noqa: F401 (refused here, not in the first run)
    return waking(_OpenAISteps(agent, run_config), ConversationFolder(conversations), question)


class _OpenAISteps:
    """The steps of an agent of OpenAI Agents; its state is the list of its inputs, or a run that waits."""

    def __init__(self, agent: Any, run_config: Any) -> None:
        self._agent = agent
        self._run_config = run_config

    async def begin(self, prompt: str, history: str | None, firing: Firing) -> Turn:
        """Give it a prompt."""
        before = [] if history is None else json.loads(history)
        return await self._run(firing, [*before, {"role": "user", "content": prompt}])

    async def resume(self, state: str, decisions: dict[str, str], firing: Firing) -> Turn:
        """Give it the answers to its calls."""
        from agents import RunState

        waiting = json.loads(state)
        kept = await RunState.from_string(self._agent, waiting["run"])
        for each in kept.get_interruptions():
            if is_permission(said := decisions[each.call_id]):
                kept.approve(each)
            else:
                kept.reject(each, rejection_message=said)
        return await self._run(firing, kept, waiting["tokens"])

    async def _run(self, firing: Firing, given: Any, spent: int = 0) -> Turn:
        from agents import Runner

        ended = await Runner.run(self._agent, given, run_config=self._run_config)
        tokens = ended.context_wrapper.usage.total_tokens  # of the whole run, what came before a question included
        firing.spend(max(0, tokens - spent))
        if ended.interruptions:
            calls = [
                OpenCall(each.call_id, permission_for((each.name, each.arguments))) for each in ended.interruptions
            ]
            return Turn(json.dumps({"run": ended.to_state().to_string(), "tokens": tokens}), tuple(calls))
        return Turn(json.dumps(ended.to_input_list()), (), text_of(ended.final_output))
