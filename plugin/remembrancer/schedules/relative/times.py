"""Times relative to now, as people write them: `now`, `in 2h`, `+90m`, `2h ago`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final


def read_relative(text: str) -> timedelta | None:
    """Return the distance from now that *text* names, negative for the past; None if it names none.

    A day has 24 hours. Months and years have no length of their own, and are not read.

    Raises:
        OverflowError: It is too long for a date.
    """
    words = " ".join(text.lower().split())
    if words == "now":
        return timedelta()
    found = _RELATIVE.fullmatch(words) if len(words) <= _LONGEST else None
    if found is None:
        return None
    ahead = sum(
        (timedelta(**{_UNITS[unit[:1]]: float(number)}) for number, unit in _PART.findall(found["parts"])), timedelta()
    )
    if found["ago"] is None:
        return -ahead if found["sign"] == "-" else ahead
    return None if found["in"] or found["sign"] else -ahead


_LONGEST: Final = 64
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_NUMBER: Final = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
_UNIT: Final = r"(?:seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)"
_PART: Final = re.compile(rf"({_NUMBER}) ?({_UNIT})(?![a-z])")
_RELATIVE: Final = re.compile(
    r"(?:(?P<in>in) ?|(?P<sign>[+-]) ?)?"
    rf"(?P<parts>{_NUMBER} ?{_UNIT}(?:(?:,? and |, ?| ?){_NUMBER} ?{_UNIT})*)(?P<ago> ago)?"
)
