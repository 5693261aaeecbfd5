"""Run one handler: deadline, answer, and what becomes of whatever it raises."""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from remembrancer.engine.admission import read_id, read_thought
from remembrancer.errors import InvalidInput
from remembrancer.model.controls import visible
from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.outcome import THOUGHT_REFUSED, Defer, Done, Failed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer.model.outcome import Thought
    from remembrancer.ports.handler import Answer, Firing, Handler

_LOG: Final = logging.getLogger("remembrancer")
_LONGEST_TEXT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended, before it is written down."""

    status: ExecutionStatus
    reason_code: Reason | None = None
    reason: str | None = None
    result: str | None = None
    thought: Thought | None = None
    put_off: Defer | None = None


def is_async(handler: Handler) -> bool:
    """Whether calling *handler* gives a coroutine; anything else may block and gets a thread."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004


async def run(firing: Firing, call: Callable[[Firing], Awaitable[Answer]]) -> Verdict:
    """Call the handler and read its answer; never raises but for cancellation."""
    try:
        answer = await call(firing)
    except Exception as error:  # noqa: BLE001 (the one broad except of the package: a handler may raise anything)
        return _raised(firing, error)
    return read_answer(answer)


def as_async(handler: Handler) -> Callable[[Firing], Awaitable[Answer]]:
    """Return *handler* as something to await; a plain function runs on a thread, off the scheduler's loop."""
    if is_async(handler):
        return handler  # pyright: ignore[reportReturnType] (is_async has looked)

    async def on_thread(firing: Firing) -> Answer:
        answer = await asyncio.to_thread(handler, firing)
        return await answer if inspect.isawaitable(answer) else answer

    return on_thread


def read_answer(answer: Any) -> Verdict:
    """Read what a handler answered; something else than an outcome is a failure that says so."""
    match answer:
        case None:
            return Verdict(ExecutionStatus.COMPLETED)
        case str():
            return Verdict(ExecutionStatus.COMPLETED, result=_kept(answer))
        case Done():
            return _done(answer)
        case Failed(reason=reason):
            return Verdict(ExecutionStatus.FAILED, Reason.HANDLER_FAILED, _kept(reason))
        case Defer(reason=reason):
            return Verdict(
                ExecutionStatus.DEFERRED,
                Reason.DEFERRED_BY_HANDLER,
                _kept(reason),
                put_off=answer,
            )
        case _:
            text = f"The handler answered {type(answer).__name__}; allowed: Done, Failed, Defer, str or None."
            return Verdict(ExecutionStatus.FAILED, Reason.HANDLER_FAILED, text)


def _raised(firing: Firing, error: Exception) -> Verdict:
    name = visible(firing.task.name)
    _LOG.warning("The handler of %s (%s) raised %r", name, firing.task.task_id, error, exc_info=error)
    text = "".join(traceback.format_exception_only(error)).strip()
    return Verdict(ExecutionStatus.FAILED, Reason.HANDLER_RAISED, _kept(text))


def _done(answer: Done) -> Verdict:
    if answer.thought and (fault := _fault(answer.thought)):
        return Verdict(ExecutionStatus.FAILED, Reason.HANDLER_FAILED, _kept(fault))
    result = None if answer.result is None else _kept(answer.result)
    return Verdict(ExecutionStatus.COMPLETED, result=result, thought=answer.thought)


def _fault(thought: Thought) -> str | None:
    """Say what is wrong with a thought that a handler made; None if it can be kept."""
    try:
        read_id("thought_id", thought.thought_id)
        read_thought(thought.content)
    except InvalidInput as refused:
        return f"{THOUGHT_REFUSED} {refused}"
    return None


def _kept(said: object) -> str:
    """Return what was said as text that any graph can keep: of bounded length, without lone surrogates."""
    return str(said)[:_LONGEST_TEXT].encode("utf-8", "backslashreplace").decode()[:_LONGEST_TEXT]
