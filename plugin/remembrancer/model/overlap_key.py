"""Overlap keys and circuit keys: texts that are computed from a template over the task.

Executions with one overlap key are in each other's way; those with one circuit key share a service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from remembrancer.model.overlap_template import CONTEXT, LONGEST, parts_of, wrong_template
from remembrancer.model.policy import Overlap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.model.task import ScheduledTask


def overlap_key_of(task: ScheduledTask) -> str | None:
    """Return the overlap key of *task*; None without a policy for it. Raises InvalidInput: it cannot be computed."""
    if task.overlap is None or task.overlap is Overlap.ALLOW_ALL:
        return None
    return task.task_id if task.overlap_key is None else _filled(task, "overlap_key", task.overlap_key)


def circuit_key_of(task: ScheduledTask) -> str | None:
    """Return the circuit key of *task*; None without one. Raises InvalidInput: it cannot be computed."""
    return None if task.circuit_key is None else _filled(task, "circuit_key", task.circuit_key)


def check_keys(task: ScheduledTask) -> None:
    """Raise InvalidInput if a key of a task cannot be computed."""
    if task.overlap_key is not None:
        _filled(task, "overlap_key", task.overlap_key)
    if task.circuit_key is not None:
        _filled(task, "circuit_key", task.circuit_key)


def _filled(task: ScheduledTask, field: str, template: str) -> str:
    """Return the text of the template of a field. Raises InvalidInput: it cannot be computed."""
    parts = parts_of(template, field)
    key = "".join(text + (_value(task, field, path) if path else "") for text, path in parts).strip()
    if not key or len(key) > LONGEST or not key.isprintable():
        raise wrong_template(field, template, f"a template whose value has 1 to {LONGEST} printable characters")
    return key


def _value(task: ScheduledTask, field: str, path: str) -> str:
    """Return the value of a field as text. Raises InvalidInput: the task has none, or it is no plain value."""
    first, *names = path.split(".")
    value: object = task.context if first == CONTEXT else getattr(task, first)
    for name in names:
        value = cast("Mapping[str, object]", value).get(name) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        found = "no value" if value is None else f"a value of the kind {type(value).__name__}"
        allowed = f"a template whose fields the task has, as text or numbers; of {path} it has {found}"
        raise wrong_template(field, str(getattr(task, field)), allowed)
    return str(value)
