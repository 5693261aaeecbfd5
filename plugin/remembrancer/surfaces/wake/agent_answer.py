"""The answer of an agent, read as the result of a handler: its fields are those with which workers end their work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from pydantic import ValidationError

from remembrancer.errors import InvalidInput
from remembrancer.model.handler_result import Ask, Defer, Done, Failed, HandlerResult, Retry
from remembrancer.operations.work.work_operations import AskWork, CompleteWork, DeferWork, FailWork, HeldWork
from remembrancer.operations.work.work_requests import WorkFailure, read_usage, read_work_thought
from remembrancer.surfaces.violations import to_invalid_input

if TYPE_CHECKING:
    from remembrancer.ports.handler import Firing

FORMS: Final[Mapping[str, type[HeldWork]]] = {
    "completed": CompleteWork,
    "failed": FailWork,
    "deferred": DeferWork,
    "asked": AskWork,
}
"""The fields of an answer beside `status`, by its `status`."""
QUESTION: Final = Ask("May the run go on?")
"""A question that is asked of no one in particular, without an end."""


def answer_in(text: str) -> Mapping[str, object] | None:
    """Return the JSON object with a `status` that *text* is; None if it is anything else."""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, Mapping) or "status" not in found:
        return None
    return cast("Mapping[str, object]", found)


def result_of(answer: Mapping[str, object], firing: Firing, question: Ask) -> HandlerResult:
    """Return the result that an agent's answer says; one that cannot be used has failed, with what is allowed.

    Args:
        answer: The answer: `status`, and the fields of its form.
        firing: The run.
        question: Those that are asked, and what no answer means, unless the agent says.
    """
    try:
        return _read(_said(answer, firing.execution.execution_id), firing, question)
    except InvalidInput as refused:
        return Failed(f"The answer of the agent cannot be used. {refused}")


def _said(answer: Mapping[str, object], execution_id: str) -> HeldWork:
    """Return an answer in its form. Raises InvalidInput."""
    fields = dict(answer)
    status = fields.pop("status")
    form = FORMS.get(status) if isinstance(status, str) else None
    if form is None:
        raise InvalidInput("status", status, ", ".join(FORMS), "completed")
    held = {"execution_id": execution_id, "worker": "agent"}
    if taken := sorted(held.keys() & fields.keys()):
        raise InvalidInput(taken[0], fields[taken[0]], "no such field: the run is known", None)
    try:
        return form.model_validate({**fields, **held})
    except ValidationError as fault:
        raise to_invalid_input(fault.errors(), form) from fault


def _read(said: HeldWork, firing: Firing, question: Ask) -> HandlerResult:
    """Return a result. Raises InvalidInput: two of its fields do not go together, or a value is out of range."""
    if isinstance(said, CompleteWork | FailWork) and (used := read_usage(said.tokens, said.money)):
        firing.spend(used.tokens, used.money)
    match said:
        case CompleteWork():
            thought = read_work_thought(said.execution_id, said.thought, said.thought_id)
            return Done(said.result, thought, said.next_check)
        case FailWork():
            return _failure(said)
        case DeferWork():
            return Defer(said.until, said.reason)
        case _:
            fields = {name: getattr(said, name) for name in said.model_fields_set - HeldWork.model_fields.keys()}
            return replace(question, **fields)


def _failure(said: FailWork) -> Failed | Retry:
    outcome = WorkFailure(
        reason=said.reason,
        permanent=said.permanent,
        retry=said.retry,
        retry_after=said.retry_after,
        exceptions=said.exceptions,
    ).outcome()
    return outcome.retry or Failed(said.reason, said.permanent)
