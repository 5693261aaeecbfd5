"""The fields that values of schedules share, and their normal types: text for times, tuples for lists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, cast

from remembrancer.model.policy import Fold, Gap

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class WallClockValue:
    """The fields of kinds whose occurrences are times of a wall clock.

    Args:
        timezone: The IANA zone of the clock.
        gap: The treatment of a wall time that the zone's clock jumps over.
        fold: The treatment of a wall time that occurs twice.
    """

    recurring: ClassVar[bool] = True

    timezone: str = "UTC"
    gap: Gap = Gap.RUN_AFTER
    fold: Fold = Fold.FIRST


def in_zone(text: str, timezone: str) -> str:
    """Return a text with the zone that it is read in; UTC goes without saying."""
    return text if timezone == "UTC" else f"{text} ({timezone})"


def joined(joint: str, values: Sequence[object]) -> str:
    """Return values as text; what is no tuple, as it is."""
    return joint.join(map(str, values)) if isinstance(values, tuple) else str(values)


def as_tuples(value: object) -> None:
    """Keep lists as tuples: a value can be hashed."""
    for name in cast("dict[str, object]", getattr(value, "__dataclass_fields__", {})):
        if isinstance(held := getattr(value, name), list):
            object.__setattr__(value, name, tuple(cast("list[object]", held)))


def as_text(value: object, *names: str) -> None:
    """Keep times, dates and lengths of time as the text that JSON has for them."""
    for name in names:
        held = getattr(value, name)
        if isinstance(held, list | tuple):
            object.__setattr__(value, name, tuple(map(_text_of, cast("Sequence[object]", held))))
        else:
            object.__setattr__(value, name, _text_of(held))


def take_holidays(value: object) -> None:
    """Keep holidays as texts: dates, and names of calendars, be it a single one."""
    held: object = getattr(value, "holidays")  # noqa: B009 (of several classes)
    given = cast("Sequence[object]", held) if isinstance(held, list | tuple) else (held,)
    names = [getattr(each, "name", each) for each in given]
    object.__setattr__(value, "holidays", tuple(map(_text_of, names)))
    as_tuples(value)


def _text_of(held: object) -> object:
    if isinstance(held, date):
        return held.isoformat()
    if isinstance(held, timedelta):
        return f"{int(held.total_seconds())}s" if held % _SECOND == timedelta() else str(held)
    return f"{held}s" if isinstance(held, int) and not isinstance(held, bool) else held


class _Expression(Protocol):
    """A cron expression with its zone."""

    @property
    def expression(self) -> object: ...
    @property
    def timezone(self) -> str: ...


def take_zone(value: _Expression) -> None:
    """Take a zone that an expression names before its fields as the timezone, unless another is given."""
    expression = value.expression
    found = _ZONED.fullmatch(expression) if isinstance(expression, str) else None
    if found is not None and value.timezone in {"UTC", found["zone"]}:
        object.__setattr__(value, "expression", found["rest"])
        object.__setattr__(value, "timezone", found["zone"])


_ZONED: Final = re.compile(r"\s*(?:CRON_TZ|TZ)=(?P<zone>\S+)\s+(?P<rest>.*)", re.IGNORECASE)
_SECOND: Final = timedelta(seconds=1)
