"""Bounds on JSON input: depth, number of values, range of numbers, and text.

Every engine, encoder and response can carry a value within the bounds, so that all accepted input can be shown.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEPTH: Final = 32
"""Most levels of nested objects and lists in a free-form value."""
BODY_DEPTH: Final = DEPTH + 4
"""The same for a whole message, which contains free-form values."""
MOST_VALUES: Final = 100_000
"""Most values in one free-form value."""
_LEAST, _MOST = -(2**63), 2**63 - 1
_MOST_DIGITS: Final = 4000
_LONGEST_PLACE: Final = 200
_LONGEST_SHOWN: Final = 60
_UNKEEPABLE: Final = re.compile("[\0\ud800-\udfff]")
_LONE: Final = re.compile("[\ud800-\udfff]")
_TEXT: Final = "text without NUL characters and lone surrogates"
_NUMBER: Final = "a finite number, within 1.8e308; JSON has no NaN and no Infinity"
_WHOLE: Final = f"a whole number of 64 bits, {_LEAST:,} to {_MOST:,}; write a longer one as text"
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:]')

_Way = tuple["_Way", object] | None


@dataclass(frozen=True, slots=True)
class JsonOutOfBounds:
    """The first part of a value that is out of bounds."""

    place: str
    """Its path, such as `context.items[3].price`."""
    value: object
    """Its value, shortened for messages."""
    allowed: str

    def allowed_in(self, name: str) -> str:
        """Return the accepted values, and the place within the field *name*."""
        return self.allowed if self.place == name else f"{self.allowed} (at {self.place})"


class JsonTooDeep(ValueError):
    """JSON text that is nested too deep to be parsed.

    Args:
        place: The member of the document that is too deep.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(f"{place} is nested more than {BODY_DEPTH} deep")


class RepeatedKey(ValueError):
    """JSON text with a duplicate key in an object: parsers differ in which of the two values they take.

    Args:
        key: The duplicate key.
    """

    allowed = "each key once in an object"

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"the key {_shown(key)!r} is repeated in one object")


def check_bounds(value: object, name: str, example: object) -> None:
    """Reject a *value* of the field *name* that is out of bounds. Raises InvalidInput."""
    if fault := out_of_bounds(value, name):
        raise InvalidInput(name, fault.value, fault.allowed_in(name), example)


def out_of_bounds(
    value: object, name: str, depth: int = DEPTH, unkeepable: re.Pattern[str] = _UNKEEPABLE
) -> JsonOutOfBounds | None:
    """Return the first part of *value*, called *name*, that is out of bounds; None if none is."""
    if isinstance(value, dict | list | tuple):
        return _within(cast("dict[object, object] | list[object]", value), name, depth, unkeepable)
    return _leaf(value, (None, name), unkeepable)


def read_json(text: str | bytes, *, is_finite: bool = False) -> object:
    """Parse JSON *text*. Raises ValueError, or its subclasses JsonTooDeep and RepeatedKey.

    NaN, Infinity and numbers beyond 1.8e308 are refused if *is_finite*.
    """
    constant, number = (_refuse_constant, _finite) if is_finite else (None, None)
    loads = partial(json.loads, object_pairs_hook=_without_repeats, parse_constant=constant, parse_float=number)
    try:
        return loads(text)
    except RecursionError:
        raise JsonTooDeep(_deep_member(text if isinstance(text, str) else text.decode("utf-8", "replace"))) from None
    except ValueError as fault:
        if type(fault) is not ValueError:  # no JSON, or no text
            raise
        return loads(text, parse_int=_clamped)  # a whole number has more digits than Python reads


def read_stored(text: str) -> object:
    """Parse JSON *text* from the graph. Raises ValueError: it is malformed, or out of bounds.

    Older versions have stored deeper values, and other programs may write anything.
    """
    try:
        value: object = _DECODER.decode(text)
    except RecursionError:
        raise JsonTooDeep("it") from None
    # Most are small and flat: two counts suffice for them.
    suspect = text.count("{") + text.count("[") > DEPTH or "\\u" in text
    if suspect and (
        fault := out_of_bounds(value, "it", unkeepable=_LONE)
    ):  # older versions accepted NUL, and it can be shown
        raise ValueError(f"{fault.place} is {fault.value!r}; allowed is {fault.allowed}")
    return value


def _within(
    value: dict[object, object] | list[object], name: str, depth: int, unkeepable: re.Pattern[str]
) -> JsonOutOfBounds | None:
    waiting: list[tuple[dict[object, object] | list[object], _Way, int]] = [(value, (None, name), 1)]
    left = MOST_VALUES
    while waiting:
        container, way, level = waiting.pop()
        if level > depth:
            allowed = f"at most {depth} levels of nested objects and lists"
            return JsonOutOfBounds(_place(way), "…", allowed)
        left -= len(container)
        if left < 0:
            return JsonOutOfBounds(_place(way), "…", f"at most {MOST_VALUES:,} values")
        for key, each in _items(container):
            if isinstance(each, dict | list | tuple):
                waiting.append((cast("list[object]", each), (way, key), level + 1))
            elif fault := _leaf(each, (way, key), unkeepable):
                return fault
            if isinstance(key, str) and unkeepable.search(key):
                return JsonOutOfBounds(_place(way), _shown(key), f"as a key, {_TEXT}")
    return None


def _items(container: dict[object, object] | list[object]) -> Iterable[tuple[object, object]]:
    return container.items() if isinstance(container, dict) else enumerate(container)


def _leaf(value: object, way: _Way, unkeepable: re.Pattern[str]) -> JsonOutOfBounds | None:
    if isinstance(value, str):
        return JsonOutOfBounds(_place(way), _shown(value), _TEXT) if unkeepable.search(value) else None
    if isinstance(value, float):
        return None if isfinite(value) else JsonOutOfBounds(_place(way), str(value), _NUMBER)
    if isinstance(value, int) and not _LEAST <= value <= _MOST:
        return JsonOutOfBounds(_place(way), f"a whole number of {value.bit_length()} bits", _WHOLE)
    return None


def _place(way: _Way) -> str:
    parts = [f"[{key}]" if isinstance(key, int) else f".{key}" for key in _keys(way)]
    return _shown("".join(reversed(parts)).removeprefix("."), _LONGEST_PLACE)


def _keys(way: _Way) -> Iterator[object]:
    while way is not None:
        way, key = way
        yield key


def _shown(text: str, longest: int = _LONGEST_SHOWN) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _deep_member(text: str) -> str:
    """Return the path of the member (or list item) of a document that is nested too deep."""
    level, last, member = 0, "", "body"
    for found in _TOKEN.finditer(text):
        sign = found[0]
        if sign in "[{":
            level += 1
        elif sign in "]}":
            level -= 1
        elif sign == ":" and level == 1:
            member = last[1:-1]
        last = sign
        if level > BODY_DEPTH:
            return member
    return member


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object with these members. Raises RepeatedKey."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        raise RepeatedKey(next(key for key, _ in pairs if key in seen or seen.add(key)))
    return found


def _clamped(digits: str) -> int:
    """Return a whole number; one out of bounds for text with too many digits."""
    return int(digits) if len(digits) < _MOST_DIGITS else 2 * _MOST


def _refuse_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(digits: str) -> float:
    if not isfinite(number := float(digits)):
        raise ValueError(f"{digits[:_LONGEST_SHOWN]} is too large for a number")
    return number


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
