"""The text of iCalendar (RFC 5545): components, escaped values, folded lines."""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

Property = tuple[str, str]
"""A name with its parameters, and a value that is escaped already."""


def calendar_text(properties: Iterable[Property], events: Iterable[Sequence[Property]]) -> str:
    """Return a calendar with these events."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", *(f"{name}:{value}" for name, value in properties)]
    for event in events:
        lines += ["BEGIN:VEVENT", *(f"{name}:{value}" for name, value in event), "END:VEVENT"]
    lines.append("END:VCALENDAR")
    return "".join(f"{folded(line)}\r\n" for line in lines)


def text_value(text: str) -> str:
    """Return a text as a value: escaped, and without control characters, which a calendar must not hold."""
    bare = _CONTROLS.sub("", re.sub(r"\r\n?", "\n", text))
    return re.sub(r"([\\,;])", r"\\\1", bare).replace("\n", "\\n")


def time_value(at: datetime) -> str:
    """Return a time as a value, in UTC."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def folded(line: str) -> str:
    """Return a line broken after 75 octets at most, never within a character."""
    parts, size = [""], 0
    for letter in line:
        octets = len(letter.encode("utf-8", "surrogatepass"))
        if size + octets > _OCTETS:
            parts.append(" ")
            size = 1
        parts[-1] += letter
        size += octets
    return "\r\n".join(parts)


_OCTETS: Final = 75
_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
