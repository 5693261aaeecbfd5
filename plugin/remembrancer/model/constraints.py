"""Constraints on texts, ids, numbers and contexts, each with what is allowed and an example."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from math import isnan
from typing import Any, Final, TypeVar, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.control_characters import has_controls
from remembrancer.model.json_bounds import DEPTH, keep_within

LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 20_000
LONGEST_ID: Final = 256
LARGEST_CONTEXT: Final = 65_536
LONGEST_TIMEOUT: Final = 86_400.0
MOST_ATTEMPTS: Final = 100
LONGEST_BACKLOG: Final = 1000
MOST_ASKED: Final = 1_000_000
_UNKEEPABLE: Final = re.compile("[\0\ud800-\udfff]")
_Word = TypeVar("_Word", bound=StrEnum)


def read_reason(reason: object) -> str:
    """Check why somebody waits, cancels or defers."""
    return read_text("reason", reason, LONGEST_TEXT, "Waiting for the API's rate limit to reset")


def read_thought(content: object) -> str:
    """Check the content of a thought that a handler made."""
    return read_text("content", content, LONGEST_TEXT, "Write today's report")


def read_id(field: str, value: object) -> str:
    """Check an id that a caller gave."""
    return read_line(field, value, LONGEST_ID, "thought_12345")


def read_limit(value: object) -> int:
    """Check how many are asked for at most."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_ASKED:
        raise InvalidInput("limit", value, f"a whole number from 0 to {MOST_ASKED:,}", 100)
    return value


def read_text(field: str, value: object, longest: int, example: str) -> str:
    """Check a text: not empty, not too long, storable."""
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise InvalidInput(field, value, f"text of 1 to {longest:,} characters, not only blanks", example)
    if _UNKEEPABLE.search(value):
        raise InvalidInput(field, value, "text without NUL characters and lone surrogates", example)
    return value


def read_line(field: str, value: object, longest: int, example: str) -> str:
    """Check a name, a key or an id: it stands in tables, logs and paths."""
    text = read_text(field, value, longest, example)
    if has_controls(text):
        raise InvalidInput(field, text, "one line of text without control characters and invisible ones", example)
    return text


def read_word(field: str, value: object, words: type[_Word]) -> _Word:
    """Check a word of a closed set."""
    if isinstance(value, str) and value in words.__members__.values():
        return words(value)
    raise InvalidInput(field, value, " | ".join(words), next(iter(words)).value)


def read_whole(field: str, value: object, most: int, example: int) -> int:
    """Check a whole number from 1 to *most*."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidInput(field, value, f"a whole number from 1 to {most:,}", example)
    return value


def read_duration(field: str, value: object, least: float, example: float) -> float:
    """Check a number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or (isinstance(value, float) and isnan(value)):
        raise InvalidInput(field, value, "a number of seconds", example)
    if not least <= value <= LONGEST_TIMEOUT * 366:
        raise InvalidInput(field, value, f"{least:g} to {LONGEST_TIMEOUT * 366:g} seconds", example)
    return float(value)


def read_timeout(value: object) -> float | None:
    """Check a deadline in seconds, or None."""
    if value is None:
        return None
    seconds = read_duration("timeout_seconds", value, 0.001, 300.0)
    if seconds > LONGEST_TIMEOUT:
        raise InvalidInput("timeout_seconds", value, f"0.001 to {LONGEST_TIMEOUT:g} seconds", 300.0)
    return seconds


def read_context(value: object) -> dict[str, Any] | None:
    """Check a context: a JSON object of at most 64 KiB, or None."""
    if value is None:
        return None
    allowed = f"a JSON object (string keys; text, numbers, lists, objects), at most 64 KiB and {DEPTH} levels deep"
    example = {"api": "weather_service", "retry_count": 2}
    if not isinstance(value, dict):
        raise InvalidInput("context", value, allowed, example)
    keep_within(cast("object", value), "context", example)
    try:
        written = json.dumps(cast("object", value), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as fault:
        raise InvalidInput("context", cast("object", value), f"{allowed}; {fault}", example) from None
    if len(written) > LARGEST_CONTEXT:
        raise InvalidInput("context", f"{len(written):,} bytes", allowed, example)
    return cast("dict[str, Any]", json.loads(written))
