"""Matches: the rows of a cue's query as the details of occurrences, and the keys that tell them apart. Pure functions.

A key is a hash: a task keeps those of all matches that it has seen.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import blake2b
from math import isfinite
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.addition import LONGEST_DETAIL
from remembrancer.model.json_bounds import DEPTH, out_of_bounds
from remembrancer.model.timestamps import to_iso
from remembrancer.schedules.reaction import CUE_EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

KEY: Final = 12
"""Characters of a key."""
_KEY_BYTES: Final = 9
_COLUMN: Final = "match"
_LENGTHS: Final = (1000, 500, 200, 100, 50, 20)


class Match(NamedTuple):
    """One row of the answer to a cue's query."""

    key: str
    """The hash of its column `match`, or else of the whole row."""
    detail: Mapping[str, object]
    """The row as JSON has it; long texts are cut, so that it is a detail."""


def matches_of(rows: Iterable[Mapping[str, object]]) -> list[Match]:
    """Return the rows as matches, each key once, in their order. Raises InvalidInput: a row is too large or deep."""
    found: dict[str, Match] = {}
    for row in rows:
        plain = cast("dict[str, object]", _plain(row, 0))
        if fault := out_of_bounds(plain, "row", DEPTH - 1):
            raise InvalidInput("cypher", fault.value, f"rows with JSON values: {fault.allowed_in('row')}", CUE_EXAMPLE)
        key = _key(plain.get(_COLUMN) if _COLUMN in plain else plain)
        if key not in found:
            found[key] = Match(key, _fitting(plain))
    return list(found.values())


def _key(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return urlsafe_b64encode(blake2b(text.encode(), digest_size=_KEY_BYTES).digest()).decode()


def _plain(value: object, depth: int) -> object:
    """Return a value as JSON has it: times, and numbers without end, as text."""
    if value is None or isinstance(value, bool | int) or depth > DEPTH:  # a deeper value is refused by its bounds
        return value
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return {_text(name): _plain(held, depth + 1) for name, held in items}
    if isinstance(value, list | tuple):
        return [_plain(held, depth + 1) for held in cast("Sequence[object]", value)]
    if isinstance(value, float) and isfinite(value):
        return value
    return to_iso(value) if isinstance(value, datetime) else _text(value)


def _text(value: object) -> str:
    return str(value).replace("\0", "\N{REPLACEMENT CHARACTER}")


def _fitting(row: dict[str, object]) -> dict[str, object]:
    """Return a row that a detail can hold: its texts are cut if it is too long. Raises InvalidInput."""
    if _size(row) <= LONGEST_DETAIL:
        return row
    for length in _LENGTHS:
        cut = cast("dict[str, object]", _cut(row, length))
        if _size(cut) <= LONGEST_DETAIL:
            return cut
    allowed = f"rows of at most {LONGEST_DETAIL:,} characters as JSON, such as ids and short texts"
    raise InvalidInput("cypher", f"a row of {_size(row):,} characters", allowed, CUE_EXAMPLE)


def _size(row: dict[str, object]) -> int:
    return len(json.dumps(row, ensure_ascii=False, separators=(",", ":")))


def _cut(value: object, length: int) -> object:
    """Return a value whose texts have at most *length* characters."""
    if isinstance(value, str):
        return value if len(value) <= length else f"{value[: length - 1]}…"
    if isinstance(value, dict):
        return {name: _cut(held, length) for name, held in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_cut(held, length) for held in cast("list[object]", value)]
    return value
