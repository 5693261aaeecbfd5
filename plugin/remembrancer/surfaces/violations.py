"""Violations of a request's schema as the error that every surface answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.suggestions import nearest, unknown
from remembrancer.surfaces.examples import EXAMPLES, body_example, example_at
from remembrancer.surfaces.schema_errors import UNKNOWN, known_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def to_invalid_input(faults: Sequence[Mapping[str, object]], kind: object, prefix: int = 0) -> InvalidInput:
    """Return what pydantic reports of a request as the service refuses it: an unknown field first.

    Args:
        faults: What it reports, at least one.
        kind: The type of the request, or of its body; None if it has none.
        prefix: The number of parts of each place that come before those within *kind*.
    """
    fault = next((each for each in faults if each["type"] in UNKNOWN), faults[0])
    place = cast("tuple[object, ...]", fault.get("loc", ()))
    names = [str(part) for part in place]
    field = ".".join(names) or "params"
    if fault["type"] in UNKNOWN:
        known = known_at(kind, place[prefix:-1])
        meant = nearest(names[-1], known) or next(iter(known), None)
        example = {meant: example_at(meant)} if meant else None
        return InvalidInput(field, fault.get("input"), unknown(names[-1], known), example)
    about = cast("Mapping[str, object]", fault.get("ctx") or {})
    example = _example(names, cast("str | None", about.get("pattern")), kind)
    if fault["type"] == _MISSING:
        return InvalidInput(field, None, "a value; this field is required", example)
    return InvalidInput(field, fault.get("input"), _allowed(str(fault.get("msg"))), example)


def _allowed(message: str) -> str:
    """Return what is allowed, in the words of pydantic's message without those in which each of its kind begins."""
    for beginning, instead in _BEGINNINGS.items():
        if message.startswith(beginning):
            return instead + message.removeprefix(beginning)
    return message


def _example(place: Sequence[str], pattern: str | None, kind: object) -> object:
    """Return an example for this place in a request: for the innermost field that has one."""
    names = [part.lower() for part in reversed(place) if part.lower() in EXAMPLES]
    return body_example(kind) if not names or names[0] == "body" else example_at(names[0], pattern)


_MISSING: Final = "missing"
_BEGINNINGS: Final = {
    "Value error, ": "",
    "Input should be ": "",
    "String should match pattern ": "text that matches the pattern ",
}
