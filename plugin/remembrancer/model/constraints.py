"""Constraints on texts, ids, numbers and contexts, each with what is allowed and an example."""

from __future__ import annotations

import json
import re
import unicodedata
from enum import StrEnum
from math import isnan
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.control_characters import has_controls
from remembrancer.model.json_bounds import DEPTH, check_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 20_000
LONGEST_ID: Final = 256
LONGEST_WORD: Final = 40
MOST_WORDS: Final = 10
LARGEST_CONTEXT: Final = 65_536
MOST_ASKED: Final = 1_000_000
_UNKEEPABLE: Final = re.compile("[\0\ud800-\udfff]")
_LABEL: Final = re.compile(r"\w[\w.:/+-]*")
_Word = TypeVar("_Word", bound=StrEnum)


def read_reason(reason: object) -> str:
    """Check the reason of a deferral or a cancellation."""
    return read_text("reason", reason, LONGEST_TEXT, "Waiting for the API's rate limit to reset")


def read_thought(content: object) -> str:
    """Check the content of a thought that a handler made."""
    return read_text("content", content, LONGEST_TEXT, "Write today's report")


def read_id(field: str, value: object) -> str:
    """Check an id that a caller gave."""
    return read_line(field, value, LONGEST_ID, "thought_12345")


def read_limit(value: object) -> int:
    """Check a limit on how many are returned."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_ASKED:
        raise InvalidInput("limit", value, f"a whole number from 0 to {MOST_ASKED:,}", 100)
    return value


def read_text(field: str, value: object, longest: int, example: object) -> str:
    """Check a text: not empty, not too long, storable."""
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise InvalidInput(field, value, f"text of 1 to {longest:,} characters, not only blanks", example)
    if _UNKEEPABLE.search(value):
        raise InvalidInput(field, value, "text without NUL characters and lone surrogates", example)
    return value


def read_line(field: str, value: object, longest: int, example: object) -> str:
    """Check a name, a key or an id: tables, logs and paths contain it."""
    text = read_text(field, value, longest, example)
    if has_controls(text):
        raise InvalidInput(field, text, "one line of text without control characters and invisible ones", example)
    return text


def read_word(field: str, value: object, words: type[_Word], example: object) -> _Word:
    """Check a word of a closed set."""
    if isinstance(value, str) and value in words.__members__.values():
        return words(value)
    raise InvalidInput(field, value, " | ".join(words), example)


def label_form(text: str) -> str:
    """Return the normal form of a word that tasks are found by: composed characters (NFC), in small letters."""
    return unicodedata.normalize("NFC", text).lower()


def read_label(field: str, value: object, example: object) -> str:
    """Check a short word that tasks are found by; return its normal form."""
    if isinstance(value, str) and len(word := label_form(value)) <= LONGEST_WORD and _LABEL.fullmatch(word):
        return word
    allowed = f"a word of 1 to {LONGEST_WORD} letters, digits, _ and, after the first of them, . : / + -"
    raise InvalidInput(field, value, allowed, example)


def read_labels(field: str, value: object, example: object) -> tuple[str, ...]:
    """Check a list of short words; return their normal forms, each once, in order."""
    allowed = f"a list of up to {MOST_WORDS} words"
    if not isinstance(value, list | tuple | set | frozenset):
        raise InvalidInput(field, value, allowed, example)
    listed = cast("Iterable[object]", value)
    words = {read_label(field, each, example) for each in listed}
    if len(words) > MOST_WORDS:
        raise InvalidInput(field, listed, allowed, example)
    return tuple(sorted(words))


def read_integer(field: str, value: object, least: int, most: int, example: object) -> int:
    """Check a whole number from *least* to *most*."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(field, value, f"a whole number from {least:,} to {most:,}", example)
    return value


def read_seconds(field: str, value: object, least: float, most: float, example: object) -> float:
    """Check a number of seconds from *least* to *most*."""
    if isinstance(value, bool) or not isinstance(value, int | float) or (isinstance(value, float) and isnan(value)):
        raise InvalidInput(field, value, "a number of seconds", example)
    if not least <= value <= most:
        raise InvalidInput(field, value, f"{least:g} to {most:,.0f} seconds", example)
    return float(value)


def read_expression(field: str, value: object, example: object) -> str:
    """Check that a cron expression is text; the cron parser checks the text itself."""
    if isinstance(value, str):
        return value
    allowed = "text of five fields: minute hour day-of-month month day-of-week"
    raise InvalidInput(field, value, allowed, example)


def read_context(value: object) -> dict[str, Any] | None:
    """Check a context, or None."""
    return None if value is None else read_object("context", value, {"api": "weather_service", "retry_count": 2})


def read_object(field: str, value: object, example: object) -> dict[str, Any]:
    """Check a JSON object of at most 64 KiB."""
    allowed = f"a JSON object (string keys; text, numbers, lists, objects), at most 64 KiB and {DEPTH} levels deep"
    if not isinstance(value, dict):
        raise InvalidInput(field, value, allowed, example)
    check_bounds(cast("object", value), field, example)
    try:
        written = json.dumps(cast("object", value), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as fault:
        raise InvalidInput(field, cast("object", value), f"{allowed}; {fault}", example) from None
    if len(written) > LARGEST_CONTEXT:
        raise InvalidInput(field, f"{len(written):,} bytes", allowed, example)
    return cast("dict[str, Any]", json.loads(written))
