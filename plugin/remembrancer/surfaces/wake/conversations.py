"""Conversations of agents: where one stands between two runs, and the next step that a run makes in it."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import LONGEST_TEXT
from remembrancer.model.handler_result import Ask, Done
from remembrancer.model.policy import Session
from remembrancer.surfaces.jsonable import to_jsonable

if TYPE_CHECKING:
    from remembrancer.ports.handler import Firing, Handler, HandlerReturn

YES: Final = "yes"
"""The answer that permits."""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call of an agent that waits for people."""

    call_id: str
    """Its id, in the agent's framework."""
    question: str
    """The question about it, for people."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The end of a step of an agent: it is done, or calls wait for people."""

    state: str
    """The conversation as text, in the form of the framework."""
    calls: tuple[OpenCall, ...] = ()
    """The calls that wait; none if it is done."""
    result: str | None = None
    """The result, if it is done."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation between two steps."""

    occasion: str | None = None
    """The occurrence that the last step was made for."""
    history: str | None = None
    """The state in which the agent was last done."""
    turn: Turn | None = None
    """The end of the last step."""
    decisions: dict[str, str] = field(default_factory=dict[str, str])
    """The answers of people to calls that wait, while others have none."""
    used: str | None = None
    """The key of the last question whose answer was used."""


class AgentSteps(Protocol):
    """An agent in a framework."""

    async def begin(self, prompt: str, history: str | None, firing: Firing) -> Turn:
        """Give it a prompt, after what was said before."""
        ...

    async def resume(self, state: str, decisions: dict[str, str], firing: Firing) -> Turn:
        """Go on from *state*, with the answers to its calls by their ids."""
        ...


class ConversationFolder:
    """Conversations in files of one folder, which only their user reads.

    Args:
        folder: The folder; it is made when it is missing.

    Raises:
        InvalidInput: It cannot be made.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as fault:
            allowed = f"a folder that can be written ({fault.strerror or fault})"
            raise InvalidInput("conversations", str(folder), allowed, "./conversations") from fault

    def read(self, session: str) -> Conversation:
        """Return a conversation; an empty one if there was none. Raises OSError, ValueError."""
        try:
            kept = json.loads(self._file(session).read_text("utf-8"))
        except FileNotFoundError:
            return Conversation()
        if turn := kept.pop("turn"):
            kept["turn"] = Turn(turn["state"], tuple(OpenCall(**each) for each in turn["calls"]), turn["result"])
        return Conversation(**kept)

    def write(self, session: str, conversation: Conversation) -> None:
        """Keep a conversation: whole, or as it was before. Raises OSError."""
        file = self._file(session)
        new = file.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:
            json.dump(asdict(conversation), opened)
            opened.flush()
            os.fsync(opened.fileno())
        new.replace(file)

    def _file(self, session: str) -> Path:
        return self._folder / f"{sha256(session.encode()).hexdigest()[:32]}.json"


def waking(agent: AgentSteps, folder: ConversationFolder, question: Ask) -> Handler:
    """Return the handler that makes the steps of an agent."""

    async def wake(firing: Firing) -> HandlerReturn:
        return await next_step(firing, agent, folder, question)

    return wake


async def next_step(firing: Firing, agent: AgentSteps, folder: ConversationFolder, question: Ask) -> Done | Ask:
    """Make the step that a run is for, and return how it ended. An attempt after a crash goes on where it was kept."""
    before = await asyncio.to_thread(folder.read, firing.session)
    occasion, turn = occasion_of(firing), before.turn
    if before.occasion != occasion or turn is None:
        before = Conversation(occasion, before.history)
        turn = await agent.begin(prompt_of(firing), before.history, firing)
    elif not turn.calls:
        return Done(turn.result)
    else:
        waiting = [each for each in turn.calls if each.call_id not in before.decisions]
        if waiting and not is_answer(firing, first := asked(question, waiting[0].question), before.used):
            return first
        if waiting:
            answer = cast("str", firing.answer and firing.answer.text)
            used = firing.answer and firing.answer.question_id
            before = replace(before, decisions={**before.decisions, waiting[0].call_id: answer}, used=used)
        if waiting[1:]:
            await asyncio.to_thread(folder.write, firing.session, before)
            return asked(question, waiting[1].question)
        turn = await agent.resume(turn.state, before.decisions, firing)
    history = before.history if turn.calls else turn.state
    kept = replace(before, history=history, turn=turn, decisions={})
    await asyncio.to_thread(folder.write, firing.session, kept)  # a disk may take long
    return asked(question, turn.calls[0].question) if turn.calls else Done(turn.result)


def occasion_of(firing: Firing) -> str:
    """Return the id of the occurrence that a run is for: one over its attempts, deferrals and questions."""
    return replace(firing, task=firing.task.model_copy(update={"session": Session.FRESH})).session


def prompt_of(firing: Firing) -> str:
    """Return the prompt of a run that begins, with the answer that it waited for."""
    if firing.answer is None:
        return firing.trigger_prompt
    return f"{firing.trigger_prompt}\n\nAsked: {firing.answer.question}\nAnswer: {firing.answer.text}"


def asked(question: Ask, text: str) -> Ask:
    """Return a question with this text."""
    storable = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode().strip()[:LONGEST_TEXT]
    return replace(question, question=storable or question.question)


def is_answer(firing: Firing, question: Ask, used: str | None) -> bool:
    """Return whether the answer that a run waited for is to *question*, and was not used before."""
    answer = firing.answer
    return answer is not None and answer.question_id != used and answer.question == question.question


def is_permission(answer: str) -> bool:
    """Return whether an answer permits."""
    return answer.strip().lower() == YES


def permission_for(*calls: tuple[str, str]) -> str:
    """Return the question whether tools may be called, each by its name and its arguments."""
    named = "\n".join(f"{name} with {arguments}" for name, arguments in calls)
    return f"May it call {named}? Answer yes, or say why not."


def text_of(output: object) -> str:
    """Return what an agent has answered as text: JSON, unless it is one."""
    return output if isinstance(output, str) else json.dumps(to_jsonable(output), ensure_ascii=False)
