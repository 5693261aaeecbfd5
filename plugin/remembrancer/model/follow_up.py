"""Follow-ups: the task that is made when occurrences of another one were missed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, TypeAlias, cast

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import LONGEST_NAME, LONGEST_TEXT, read_integer, read_label, read_line, read_text
from remembrancer.model.field_definition import FieldDefinition
from remembrancer.model.json_bounds import read_json
from remembrancer.model.priority import LEAST, MOST
from remembrancer.model.retry_policy import LONGEST_WAIT, read_wait
from remembrancer.model.suggestions import unknown

if TYPE_CHECKING:
    from collections.abc import Callable

FollowUp: TypeAlias = dict[str, object]
"""The parts of a follow-up, by their names; what is not there is as in the task that was missed."""
_DEEPEST: Final = 3
"""Follow-ups of follow-ups: the first counts as one."""
_EXAMPLE: Final = "Say that the report was missed."


def read_follow_up(name: str, value: object, example: object, depth: int = 1) -> FollowUp | None:
    """Return a follow-up in its normal form, of an object or of a text, its prompt; None without one.

    Raises InvalidInput.
    """
    if value is None:
        return None
    if isinstance(value, str):
        value = _parsed(name, value, example)
    if not isinstance(value, Mapping):
        raise InvalidInput(name, value, _ALLOWED, example)
    if depth > _DEEPEST:
        raise InvalidInput(name, cast("object", value), f"up to {_DEEPEST} follow-ups, one of the other", None)
    given = cast("Mapping[object, object]", value)
    for each, part in given.items():
        if each not in _READERS and each != "follow_up":
            raise InvalidInput(f"{name}.{each}", part, unknown(str(each), _PARTS), example)
    kept = {each: read(f"{name}.{each}", given[each]) for each, read in _READERS.items() if given.get(each) is not None}
    further = read_follow_up(f"{name}.follow_up", given.get("follow_up"), example, depth + 1)
    return kept if further is None else {**kept, "follow_up": further}


def _parsed(name: str, text: str, example: object) -> object:
    """Return what a text says: JSON, or the prompt."""
    if not text.lstrip().startswith("{"):
        return {"prompt": text}
    try:
        return read_json(text, is_finite=True)
    except ValueError:
        raise InvalidInput(name, text, _ALLOWED, example) from None


def _deadline(name: str, value: object) -> float:
    seconds = read_wait(name, value)
    if seconds < 1:
        raise InvalidInput(name, value, f"1 to {LONGEST_WAIT:,.0f} seconds, or a length of time", "1h")
    return seconds


def _as_given(value: object) -> object:
    """Accept what can be read as a follow-up later, by the field's check."""
    if value is None or isinstance(value, str | Mapping):
        return cast("object", value)
    raise ValueError("a follow-up is a JSON object such as {'prompt': 'Say that it was missed.'}, or its prompt")


def _decoded(held: object) -> object:
    """Return the follow-up that the graph keeps as text. Raises ValueError."""
    if not isinstance(held, str):
        return held
    try:
        return read_follow_up("follow_up", held, None)
    except InvalidInput as refused:
        raise ValueError(f"its follow-up cannot be read: {refused}") from refused


_READERS: Final[dict[str, Callable[[str, object], object]]] = {
    "prompt": partial(read_text, longest=LONGEST_TEXT, example=_EXAMPLE),
    "name": partial(read_line, longest=LONGEST_NAME, example="Missed report"),
    "goal": partial(read_text, longest=LONGEST_TEXT, example="Tell those who wait for the report"),
    "delay": read_wait,
    "deadline": _deadline,
    "queue": partial(read_label, example="mail"),
    "priority": partial(read_integer, least=LEAST, most=MOST, example=MOST),
}
_PARTS: Final = (*_READERS, "follow_up")
_ALLOWED: Final = f"the prompt of the follow-up as text, or an object with some of {', '.join(_PARTS)}"

KeptFollowUp = Annotated[FollowUp | None, BeforeValidator(_decoded)]
"""The follow-up of a task; JSON text in the graph."""
FollowUpArgument = Annotated[
    FollowUp | str | None,
    PlainValidator(_as_given),
    WithJsonSchema({"anyOf": [{"type": "object", "additionalProperties": True}, {"type": "string"}, {"type": "null"}]}),
]
"""A follow-up as a request gives it."""


@dataclass(frozen=True, kw_only=True)
class FollowUpField(FieldDefinition):
    """A follow-up: an object, or its prompt as text."""

    metavar: ClassVar[str | None] = "PROMPT"

    @property
    def check(self) -> Callable[[str, object], object] | None:
        """Read a follow-up into its normal form."""
        return partial(read_follow_up, example=self.example)

    @property
    def kind(self) -> str:
        """The type in words."""
        return "JSON object, or the prompt as text"

    def shown(self, value: object) -> str:
        """Return the follow-up as JSON."""
        return json.dumps(value, ensure_ascii=False)
