"""Overlap keys: the text under which executions are in each other's way, computed from a template over the task."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_line
from remembrancer.model.field_definition import Text
from remembrancer.model.policy import Overlap
from remembrancer.model.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from remembrancer.model.task import ScheduledTask

LONGEST: Final = 200
_FIELDS: Final = (
    *("task_id", "name", "group", "concurrency_key", "dedup_key", "origin_thought_id", "created_by", "template"),
    "lineage_id",
)
_CONTEXT: Final = "context"


@dataclass(frozen=True, kw_only=True)
class OverlapKeyField(Text):
    """A template of an overlap key."""

    longest: int = LONGEST
    one_line: bool = True

    @property
    def check(self) -> Callable[[str, object], object]:
        """Refuse a template that no task could fill."""

        def read(name: str, value: object) -> object:
            text = read_line(name, value, longest=self.longest, example=self.example)
            list(_parts(text))
            return text

        return read


def overlap_key_of(task: ScheduledTask) -> str | None:
    """Return the overlap key of *task*; None if it is in nobody's way. Raises InvalidInput: it cannot be computed."""
    if task.overlap is None or task.overlap is Overlap.ALLOW_ALL:
        return None
    return task.task_id if task.overlap_key is None else _filled(task, task.overlap_key)


def check_overlap(task: ScheduledTask) -> None:
    """Raise InvalidInput if the overlap key of a task cannot be computed."""
    if task.overlap_key is not None:
        _filled(task, task.overlap_key)


def _filled(task: ScheduledTask, template: str) -> str:
    """Return the text of a template. Raises InvalidInput: it cannot be computed."""
    key = "".join(text + (_value(task, path) if path else "") for text, path in _parts(template)).strip()
    if not key or len(key) > LONGEST or not key.isprintable():
        raise _wrong(template, f"a template whose value has 1 to {LONGEST} printable characters")
    return key


def _parts(template: str) -> Iterator[tuple[str, str | None]]:
    """Yield the texts of a template, each with the path of the field after it. Raises InvalidInput."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as fault:
        raise _wrong(template, f"text with fields in pairs of braces; here: {fault}") from fault
    for text, path, form, conversion in parts:
        if path is None:
            yield text, None
            continue
        first, _, rest = path.partition(".")
        if form or conversion or ((first not in _FIELDS or rest) and (first != _CONTEXT or not rest)):
            raise _wrong(template, f"fields of the task in braces: {', '.join(_FIELDS)}, and context.NAME", first)
        yield text, path


def _value(task: ScheduledTask, path: str) -> str:
    """Return the value of a field as text. Raises InvalidInput: the task has none, or it is no plain value."""
    first, *names = path.split(".")
    value: object = task.context if first == _CONTEXT else getattr(task, first)
    for name in names:
        value = cast("Mapping[str, object]", value).get(name) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        found = "no value" if value is None else f"a value of the kind {type(value).__name__}"
        allowed = f"a template whose fields the task has, as text or numbers; of {path} it has {found}"
        raise _wrong(str(task.overlap_key), allowed)
    return str(value)


def _wrong(template: str, allowed: str, name: str | None = None) -> InvalidInput:
    meant = nearest(name, [*_FIELDS, _CONTEXT]) if name else None
    hint = f" (did you mean {meant}?)" if meant and meant != name else ""
    return InvalidInput("overlap_key", template, allowed + hint, "report-{name}")
