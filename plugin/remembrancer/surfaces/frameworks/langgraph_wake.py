"""A graph of LangGraph that is woken, in its own thread: its interrupts are questions to people."""

# LangGraph is in an environment of its own, not in that of the type checker.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.handler_result import Done
from remembrancer.surfaces.frameworks.extras import extra
from remembrancer.surfaces.jsonable import to_jsonable
from remembrancer.surfaces.wake.agent_answer import QUESTION
from remembrancer.surfaces.wake.conversations import (
    asked,
    is_answer,
    is_permission,
    occasion_of,
    permission_for,
    prompt_of,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.model.handler_result import Ask
    from remembrancer.ports.handler import Firing, Handler, HandlerReturn

_OCCASION: Final = "remembrancer_occasion"
_USED: Final = "remembrancer_answer"


def wake_langgraph(
    graph: Any,
    *,
    given: Callable[[Firing], Any] | None = None,
    result: Callable[[Any], str | None] | None = None,
    question: Ask = QUESTION,
) -> Handler:
    """Return a handler that wakes a graph of LangGraph, an agent of LangChain for example.

    An `interrupt` asks people, and the answer resumes the thread: as the text; for the actions that LangChain's
    `HumanInTheLoopMiddleware` has reviewed, `yes` approves them, and another text rejects them, with that text.
    An attempt after a crash goes on from the last checkpoint.

    Args:
        graph: The compiled graph. Its checkpointer has to outlive the process, and to be asynchronous.
        given: Makes the input of a run that begins; None: a message of the user with the prompt.
        result: Makes the result of the state at the end; None: the text of the last message, else the state as JSON.
        question: Those that are asked, and what no answer means.

    Raises:
        InvalidInput: LangGraph is not installed, or the graph has no checkpointer.
    """
    with extra("langgraph", "langgraph"):
        import langgraph as _  # noqa: F401 (refused here, not in the first run)
    if not getattr(graph, "checkpointer", None):
        raise InvalidInput("graph", type(graph).__name__, "a compiled graph with a checkpointer", None)

    woken = _WokenGraph(graph, given or _message, result or _last, question)

    async def wake(firing: Firing) -> HandlerReturn:
        return await woken.step(firing)

    return wake


class _WokenGraph:
    """A graph, and the steps that runs make in its threads.

    The metadata of a checkpoint name the occurrence that it was made for, and the question whose answer led to it.
    """

    def __init__(
        self, graph: Any, given: Callable[[Firing], Any], result: Callable[[Any], str | None], question: Ask
    ) -> None:
        self._graph = graph
        self._given = given
        self._result = result
        self._asked = question

    async def step(self, firing: Firing) -> Done | Ask:
        """Make the step that a run is for."""
        noted = {_OCCASION: occasion_of(firing)}
        config = {"configurable": {"thread_id": firing.session}}
        before = await self._graph.aget_state(config)
        known = before.metadata or {}
        if known.get(_OCCASION) != noted[_OCCASION]:
            entry = self._given(firing)
        elif before.interrupts:
            if firing.answer is None or not is_answer(firing, self._question(before), known.get(_USED)):
                return self._question(before)
            noted[_USED] = firing.answer.question_id
            entry = _resumption(before.interrupts[0], firing.answer.text)
        elif before.next:
            entry = None
        else:
            return Done(self._result(before.values))
        await self._graph.ainvoke(entry, {**config, "metadata": noted})
        after = await self._graph.aget_state(config)
        return self._question(after) if after.interrupts else Done(self._result(after.values))

    def _question(self, state: Any) -> Ask:
        return asked(self._asked, _question(state.interrupts[0].value))


def _message(firing: Firing) -> Any:
    return {"messages": [{"role": "user", "content": prompt_of(firing)}]}


def _question(value: Any) -> str:
    """Return the question that the value of an interrupt is."""
    if isinstance(value, str):
        return value
    if actions := _actions(value):
        return permission_for(*((each["name"], json.dumps(to_jsonable(each["args"]))) for each in actions))
    if isinstance(value, dict) and isinstance(value.get("question"), str):
        return value["question"]
    return text_of(value)


def _resumption(waiting: Any, answer: str) -> Any:
    """Return the command that resumes an interrupt."""
    from langgraph.types import Command

    resumed: Any = answer
    if actions := _actions(waiting.value):
        decision = {"type": "approve"} if is_permission(answer) else {"type": "reject", "message": answer}
        resumed = {"decisions": [decision] * len(actions)}
    return Command(resume={waiting.id: resumed})


def _actions(value: Any) -> list[Any]:
    """Return the actions that a review is of; none if it is none."""
    return value.get("action_requests") or [] if isinstance(value, dict) else []


def _last(values: Any) -> str:
    messages = values.get("messages") if isinstance(values, dict) else None
    if messages:
        return str(messages[-1].text)
    return json.dumps(to_jsonable(values), ensure_ascii=False)
