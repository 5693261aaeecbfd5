"""The call of one handler, and the outcome of its return value or exception."""

from __future__ import annotations

import asyncio
import inspect
import logging
import traceback
from typing import TYPE_CHECKING, Any, Final

from remembrancer.errors import DeferralsExhausted, InvalidInput
from remembrancer.model.constraints import read_id, read_thought
from remembrancer.model.control_characters import visible
from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.handler_result import (
    THOUGHT_REFUSED,
    Ask,
    Defer,
    Done,
    Failed,
    HandlerOutcome,
    Retry,
    Thought,
    Usage,
)
from remembrancer.model.retry_policy import read_wait
from remembrancer.model.task_status import TaskStatus
from remembrancer.policies.unanswered.deferral import defer, standing
from remembrancer.policies.unanswered.deferral_limits import DeferralTerms
from remembrancer.policies.unanswered.questions import ask

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from remembrancer.engine.execution.handler_threads import Ended
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.unanswered.deferral_limits import DeferralLimits
    from remembrancer.ports.handler import Firing
    from remembrancer.ports.writes import Reschedule

_LOG: Final = logging.getLogger("remembrancer")
_LONGEST_TEXT: Final = 10_000
UNANSWERED: Final = object()
"""The result of a call whose handler was never called, or is abandoned."""


def is_async(handler: Callable[..., object]) -> bool:
    """Return True if *handler* returns a coroutine; any other may block, and gets a thread."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004


async def run(firing: Firing, call: Callable[[Firing], Awaitable[object]]) -> HandlerOutcome | None:
    """Call the handler and read its return value; None if it has none. Raises only a cancellation, or its own end."""
    try:
        answer = await call(firing)
    except (asyncio.CancelledError, GeneratorExit):  # the second: the coroutine is closed from outside
        raise
    except BaseException as error:  # noqa: BLE001 (a handler may raise anything, and its run ends with it)
        return raised(firing, error)
    return None if answer is UNANSWERED else read_outcome(answer)


async def answer_of(ended: Ended) -> Any:
    """Return the result of a call on a thread, awaited if possible, or raise its exception."""
    if ended.error is not None:
        raise ended.error
    return await ended.answer if inspect.isawaitable(ended.answer) else ended.answer


def read_outcome(answer: object) -> HandlerOutcome:
    """Read a return value of any kind; one that cannot be read is a failure."""
    try:
        return read_answer(answer)
    except BaseException as error:  # noqa: BLE001 (an answer may hold anything, and its text may raise anything)
        return _unreadable(answer, error)


def read_answer(answer: Any) -> HandlerOutcome:
    """Read the return value of a handler; a value of another type is a failure that names the type."""
    match answer:
        case None | str():
            return HandlerOutcome(ExecutionStatus.COMPLETED, result=answer and _storable(answer))
        case Done():
            return _done(answer)
        case Failed(reason=reason, permanent=permanent):
            return HandlerOutcome(
                ExecutionStatus.FAILED, Reason.HANDLER_FAILED, _storable(reason), is_permanent=bool(permanent)
            )
        case Retry():
            return _again(answer)
        case Defer() | Ask():
            return _deferred(answer)
        case _:
            text = (
                f"The handler answered {type(answer).__name__}; allowed: Done, Failed, Retry, Defer, Ask, str or None."
            )
            return HandlerOutcome(ExecutionStatus.FAILED, Reason.HANDLER_FAILED, text)


def _deferred(answer: Defer | Ask) -> HandlerOutcome:
    code, text = (
        (Reason.ASKED, answer.question) if isinstance(answer, Ask) else (Reason.DEFERRED_BY_HANDLER, answer.reason)
    )
    return HandlerOutcome(ExecutionStatus.DEFERRED, code, _storable(text), deferral=answer)


def raised(firing: Firing, error: BaseException) -> HandlerOutcome:
    """Return the failure for an exception."""
    cause = BaseException.__dict__["__cause__"].__get__(error)  # whatever the class makes of the name
    if isinstance(error, RuntimeError) and isinstance(cause, StopIteration):
        error = cause  # a coroutine turns it into a RuntimeError
    text = _text(error)
    name, shown = visible(firing.task.name), visible(text)
    exc_info = error if _can_be_shown(error) else None
    _LOG.warning("The handler of %s (%s) raised %s", name, firing.task.task_id, shown, exc_info=exc_info)
    return HandlerOutcome(
        ExecutionStatus.FAILED, Reason.HANDLER_RAISED, _storable(text), faults=_class_names(type(error))
    )


def _class_names(raised: type[BaseException]) -> tuple[str, ...]:
    """Return the names of a class and its bases, each alone and after its module, whatever the classes make of them."""
    classes: tuple[type, ...] = type.__dict__["__mro__"].__get__(raised)
    names = [(type.__dict__["__module__"].__get__(each), type.__dict__["__name__"].__get__(each)) for each in classes]
    return tuple(dict.fromkeys(each for module, name in names for each in (str(name), f"{module}.{name}")))


def deferral_of(
    task: ScheduledTask, outcome: HandlerOutcome, now: datetime, execution: Execution, limits: DeferralLimits
) -> Reschedule | HandlerOutcome:
    """Return the deferral that the handler of *execution* asked for, or the outcome of a run that cannot have it."""
    if task.status is TaskStatus.CANCELLED:
        text = "The task was cancelled while it ran: the deferral that its handler asked for is not kept."
        return HandlerOutcome(ExecutionStatus.CANCELLED, Reason.TASK_CANCELLED, text)
    if because := standing(task, now):
        text = _storable(
            f"The deferral or question of its handler was not kept: {because}. Its own wish was: {outcome.reason}"
        )
        return HandlerOutcome(ExecutionStatus.DEFERRED, Reason.HELD_BY_DEFERRAL, text, usage=outcome.usage)
    try:
        assert outcome.deferral  # noqa: S101 (the caller has looked)
        again = execution.execution_type is ExecutionType.DEFERRED
        terms = DeferralTerms(limits, again)
        if isinstance(outcome.deferral, Ask):
            return ask(task, outcome.deferral, now, execution.nominal_at, terms)
        return defer(task, outcome.deferral, now, execution.nominal_at, terms)
    except DeferralsExhausted as error:
        return deferral_refused(str(error), Reason.DEFERRALS_EXHAUSTED)
    except BaseException as error:  # noqa: BLE001 (a handler may put anything into a Defer)
        said = str(error) if isinstance(error, InvalidInput) else _text(error)
        return deferral_refused(said)


def deferral_refused(fault: str, code: Reason = Reason.HANDLER_FAILED) -> HandlerOutcome:
    """Return the failure of a run whose handler asked for an impossible deferral."""
    return HandlerOutcome(ExecutionStatus.FAILED, code, _storable(f"The deferral was refused. {fault}"))


def _text(error: BaseException) -> str:
    """Return an exception in words, whatever its own methods and properties raise."""
    name = type(error).__name__
    try:
        return "".join(traceback.format_exception_only(error)).strip()
    except BaseException:  # noqa: BLE001 (it cannot be formatted: its arguments tell more than that)
        arguments = BaseException.__dict__["args"].__get__(error)
    try:
        return f"{name}: {arguments!r}"
    except BaseException:  # noqa: BLE001 (nor can they)
        return f"{name}, which cannot be shown"


def _can_be_shown(error: BaseException) -> bool:
    """Return True if the log can format an exception with its traceback."""
    try:
        traceback.format_exception(error)
    except BaseException:  # noqa: BLE001 (the exception's own properties may raise anything)
        return False
    return True


def _unreadable(answer: object, error: BaseException) -> HandlerOutcome:
    text = f"The handler's answer ({type(answer).__name__}) cannot be read: {_text(error)}"
    return HandlerOutcome(ExecutionStatus.FAILED, Reason.HANDLER_FAILED, _storable(text))


def _done(answer: Done) -> HandlerOutcome:
    if answer.thought is not None and (fault := _fault(answer.thought)):
        return HandlerOutcome(ExecutionStatus.FAILED, Reason.HANDLER_FAILED, _storable(fault))
    if not isinstance(answer.usage, Usage | None):  # pyright: ignore[reportUnnecessaryIsInstance] (as above)
        text = f"The usage was refused: it is a {type(answer.usage).__name__}; allowed: a Usage, or None."
        return HandlerOutcome(ExecutionStatus.FAILED, Reason.HANDLER_FAILED, text)
    result = None if answer.result is None else _storable(answer.result)
    return HandlerOutcome(
        ExecutionStatus.COMPLETED,
        result=result,
        thought=answer.thought,
        next_check=answer.next_check,
        usage=answer.usage,
    )


def _again(answer: Retry) -> HandlerOutcome:
    try:
        asked = Retry(None if answer.after is None else read_wait("after", answer.after), _storable(answer.reason))
    except InvalidInput as refused:
        text = f"The retry was refused. {refused}"
        return HandlerOutcome(ExecutionStatus.FAILED, Reason.HANDLER_FAILED, _storable(text))
    return HandlerOutcome(ExecutionStatus.FAILED, Reason.RETRY_REQUESTED, asked.reason, retry=asked)


def _fault(thought: Thought) -> str | None:
    """Describe the fault of a handler's thought; None if it can be stored."""
    if not isinstance(thought, Thought):  # pyright: ignore[reportUnnecessaryIsInstance] (a handler may answer anything)
        return f"{THOUGHT_REFUSED} It is a {type(thought).__name__}; allowed: a Thought, or None."
    try:
        read_id("thought_id", thought.thought_id)
        read_thought(thought.content)
    except InvalidInput as refused:
        return f"{THOUGHT_REFUSED} {refused}"
    return None


def _storable(said: object) -> str:
    """Return a value as text that any graph can store: of bounded length, without lone surrogates."""
    return str(said)[:_LONGEST_TEXT].encode("utf-8", "backslashreplace").decode()[:_LONGEST_TEXT]
