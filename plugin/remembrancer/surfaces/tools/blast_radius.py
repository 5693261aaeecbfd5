"""The question before a call that destroys: what it would end or remove."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Final, cast

from remembrancer.model.bulk_edit import BulkResult
from remembrancer.model.task_set import AppliedSet
from remembrancer.model.timestamps import to_iso
from remembrancer.surfaces.tools.results import lean

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer.operations.operation import AnyOperation, Params
    from remembrancer.surfaces.tools.scheduler_access import Reached

    Question = Callable[[Reached, Params], Awaitable[str | None]]

_NAMED: Final = 5
_LONGEST: Final = 1500
_MOST_RUNNING: Final = 1000


async def question_of(reached: Reached, operation: AnyOperation, params: Params) -> str | None:
    """Return the question that a person answers before *operation* is called; None if it would destroy nothing.

    The same state of the graph makes the same question.

    Raises RemembrancerError: the call would be refused.
    """
    if getattr(params, "dry_run", False):
        return None
    if ask := _QUESTIONS.get(operation.name):
        return await ask(reached, params)
    if "dry_run" in type(params).model_fields:
        trial = await reached.call(operation, params.model_validate({**_given(params), "dry_run": True}))
        return _shortened(f"{operation.summary} {_outcome(trial)}")
    return _shortened(f"{operation.summary} {json.dumps(lean(_given(params)), ensure_ascii=False)}")


async def _cancelled(reached: Reached, params: Params) -> str | None:
    task = await reached.scheduler.get_task(getattr(params, "task_id", ""))
    if not task.is_open:
        return None
    running = await reached.scheduler.running_executions(_MOST_RUNNING)
    stopping = sum(each.task_id == task.task_id for each in running)
    said = f"Cancel the task “{task.name}” ({task.task_id}, {task.status})? It will not fire again; its record is kept."
    if task.defer_until:
        said += f" It was to fire at {to_iso(task.defer_until)}."
    if task.schedule_cron:
        said += f" Its schedule is {task.schedule_cron} ({task.timezone})."
    if stopping:
        said += f" Executions under way that are asked to stop: {stopping}."
    return said


_QUESTIONS: Final[dict[str, Question]] = {"cancel_task": _cancelled}
"""The questions that are more than the outcome of a dry run."""


def _outcome(trial: object) -> str:
    if isinstance(trial, AppliedSet):
        counts = Counter(each.action.value for each in trial.tasks)
        return json.dumps({"name": trial.name, **counts}, ensure_ascii=False)
    if not isinstance(trial, BulkResult):
        return json.dumps(_timeless(lean(trial)), ensure_ascii=False)
    names = [f"“{each.name}”" for each in trial.tasks[:_NAMED]]
    more = len(trial.tasks) - len(names)
    listed = ", ".join(names) + (f" and {more:,} more" if more else "")
    return f"Tasks: {len(trial.tasks):,}{f' ({listed})' if names else ''}."


def _timeless(outcome: object) -> object:
    """Return an outcome without texts, some of which are the times of the trial: they would change the question."""
    if not isinstance(outcome, dict):
        return outcome
    return {name: each for name, each in cast("dict[str, object]", outcome).items() if not isinstance(each, str)}


def _given(params: Params) -> dict[str, object]:
    return {name: getattr(params, name) for name in params.model_fields_set}


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
