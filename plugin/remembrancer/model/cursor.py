"""Cursors: a reader's position in each stream of the event log, as short opaque text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from remembrancer.errors import InvalidInput

Cursor = Mapping[int, int]
"""By stream, the number of the last event read."""

_FORM: Final = re.compile(r"0|\d{1,3}\.\d{1,18}(?:~\d{1,3}\.\d{1,18})*")
_EXAMPLE: Final = "3.1045"


def to_text(cursor: Cursor) -> str:
    """Return *cursor* as text that is safe in headers, query parameters and files; `0` is before all events."""
    return "~".join(f"{stream}.{number}" for stream, number in sorted(cursor.items()) if number) or "0"


def from_text(text: str) -> dict[int, int]:
    """Parse a cursor. Raises InvalidInput: it is malformed."""
    if not _FORM.fullmatch(text):
        raise InvalidInput("after", text, "the cursor of an event, unchanged, or 0 for all stored events", _EXAMPLE)
    pairs = (part.split(".") for part in text.split("~")) if text != "0" else ()
    return {int(stream): int(number) for stream, number in pairs}
