"""The definition of the field that holds dependencies, and its check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import LONGEST_ID, read_line, read_word
from remembrancer.model.dependency import MOST_DEPENDENCIES, PERIOD, Dependency, OnFailure
from remembrancer.model.field_definition import FieldDefinition
from remembrancer.model.suggestions import unknown

if TYPE_CHECKING:
    from remembrancer.model.field_definition import Check, Schema

_FIELDS: Final = ("task", "on_failure", "delay", "window")
_EXAMPLE: Final = {"task": "daily-import", "on_failure": "ignore"}
_ALLOWED: Final = f"a list of up to {MOST_DEPENDENCIES} tasks: ids, dedup keys, or objects {{task, on_failure, …}}"


@dataclass(frozen=True, kw_only=True)
class DependencyList(FieldDefinition):
    """A list of tasks that a task waits for."""

    metavar: ClassVar[str | None] = "TASK[:ON_FAILURE]"

    @property
    def typed(self) -> type:
        """A list: the option may be given again."""
        return list[str]

    @property
    def check(self) -> Check:
        """Refuse anything but a list of tasks, each with its choices."""
        return partial(read_dependencies, example=self.example)

    @property
    def kind(self) -> str:
        """The type and the bounds in words."""
        return f"list of up to {MOST_DEPENDENCIES} tasks"

    def constrain(self, schema: Schema) -> Schema:
        """Return the JSON schema with the length of the list."""
        return {**schema, "maxItems": MOST_DEPENDENCIES}

    def shown(self, value: object) -> str:
        """Return the dependencies with commas between them."""
        return ", ".join(map(str, cast("tuple[Dependency, ...]", value)))


def read_dependencies(field: str, value: object, example: object) -> tuple[Dependency, ...]:
    """Check a list of dependencies; return them in order, each task once. Raises InvalidInput."""
    if value is None:
        return ()
    if isinstance(value, str | Dependency | Mapping):
        value = [cast("object", value)]
    if not isinstance(value, list | tuple):
        raise InvalidInput(field, value, _ALLOWED, example)
    given = cast("list[object]", value)
    if len(given) > MOST_DEPENDENCIES:
        raise InvalidInput(field, len(given), _ALLOWED, example)
    found = [_read(f"{field}[{place}]", each) for place, each in enumerate(given)]
    tasks = [each.task for each in found]
    if twice := next((each for each in tasks if tasks.count(each) > 1), None):
        raise InvalidInput(field, twice, "each task once", example)
    return tuple(found)


def _read(field: str, value: object) -> Dependency:
    if isinstance(value, Dependency):
        given: Mapping[str, object] = {name: getattr(value, name) for name in _FIELDS}
    elif isinstance(value, Mapping):
        given = cast("Mapping[str, object]", value)
    else:
        given = _from_text(field, value)
    for name in given:
        if name not in _FIELDS:
            raise InvalidInput(f"{field}.{name}", given[name], unknown(str(name), _FIELDS), _EXAMPLE)
    task = read_line(f"{field}.task", given.get("task"), LONGEST_ID, "task_1723644600.123_9f3k2a")
    word = given.get("on_failure")
    on_failure = OnFailure.BLOCK if word is None else read_word(f"{field}.on_failure", word, OnFailure, "ignore")
    delay, window = (_text(f"{field}.{each}", given.get(each)) for each in ("delay", "window"))
    return Dependency(task, on_failure, delay, PERIOD if window is None else window)


def _text(field: str, value: object) -> str | None:
    """Return a length of time as it was given: its text is read with the tasks. Raises InvalidInput: it is no text."""
    if value is None or isinstance(value, str | timedelta):
        return cast("str | None", value)
    raise InvalidInput(field, value, "a length of time in w, d, h, m and s", "24h")


def _from_text(field: str, value: object) -> Mapping[str, object]:
    """Return the fields of a dependency in short: a task, and its `on_failure` after a colon."""
    text = read_line(field, value, LONGEST_ID, "task_1723644600.123_9f3k2a")
    task, colon, word = text.rpartition(":")
    if colon and task and word in OnFailure.__members__.values():
        return {"task": task, "on_failure": word}
    return {"task": text}
