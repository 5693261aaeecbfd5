"""The times of a crontab line as this package spells them, with notes on differences from cron."""

from __future__ import annotations

import re
from typing import Final

from remembrancer.errors import InvalidInput
from remembrancer.schedules.cron.expression import parse_cron
from remembrancer.schedules.cron.fields import DAY, HOUR, MINUTE, PLACES, WEEKDAY, FieldSpec


def accepted(expression: str, zone: str | None) -> tuple[str, str | None, list[str]]:
    """Return the expression as `parse_cron` takes it, the reason if it takes none, and notes."""
    if expression.lower() == "@reboot":
        return expression, "@reboot names no time: it runs when the machine starts", []
    notes: list[str] = []
    translated = expression if expression.startswith("@") else _translated(expression, notes)
    try:
        cron = parse_cron(translated, timezone=zone or "UTC")
    except InvalidInput as refusal:
        return expression, str(refusal), []
    if cron.is_interval == _is_fixed(expression):
        ways = ("an interval", "fixed times") if cron.is_interval else ("fixed times", "an interval")
        notes.append(f"on days on which clocks change, this is {ways[0]} here, and {ways[1]} to cron")
    foreign = [] if expression.startswith("@") else _FOREIGN.findall(_NAMES.sub("", expression.upper()))
    if foreign:
        notes.append(f"cron itself knows no {', '.join(dict.fromkeys(foreign))}")
    return translated, None, notes


def _is_fixed(expression: str) -> bool:
    """Return whether cron treats these as fixed times: it looks only at the first character of minute and hour."""
    if expression.startswith("@"):
        return expression.lower() != "@hourly"
    minute, hour, *_ = expression.split()
    return not (minute.startswith("*") or hour.startswith("*"))


def _translated(expression: str, notes: list[str]) -> str:
    """Replace an item that cron reads as one value by that value, and list fixed times one by one.

    `parse_cron` refuses such an item as a range, and takes a step for an interval.
    """
    fields = [
        ",".join(_one_value(place, item) for item in text.split(","))
        for place, text in zip(PLACES, expression.split(), strict=False)
    ]
    if _is_fixed(expression):
        for place in (MINUTE, HOUR):
            spelled = ",".join(_one_by_one(place, item) for item in fields[place.order].split(","))
            if spelled != fields[place.order]:
                notes.append(
                    f"{fields[place.order]} is spelled {spelled}: so clock changes mean what they mean to cron"
                )
            fields[place.order] = spelled
    return " ".join(fields)


def _one_by_one(place: FieldSpec, item: str) -> str:
    """Return `1,3,5` for `1-5/2`; any other item as it is."""
    found = _RANGE.fullmatch(item)
    if found is None or found["step"] is None or not (found["low"].isdigit() and found["high"].isdigit()):
        return item
    low, high, step = int(found["low"]), int(found["high"]), int(found["step"])
    if not (place.low <= low < high <= place.high and step):
        return item
    return ",".join(map(str, range(low, high + 1, step)))


def _one_value(place: FieldSpec, item: str) -> str:
    """Return `5` for `5-5`, `10` for `10-20/30` and `0` for `*/60`; any other item as it is."""
    if (every := _EVERY.fullmatch(item)) and place not in {DAY, WEEKDAY}:
        # In the day fields the leading '*' also says how the two are combined: it cannot be replaced.
        return str(place.low) if int(every["step"]) > place.high - place.low else item
    found = _RANGE.fullmatch(item)
    if found is None:
        return item
    low, high = found["low"], found["high"]
    if low.lower() == high.lower():
        return low
    is_one = low.isdigit() and high.isdigit() and int(found["step"] or 1) > int(high) - int(low) > 0
    return low if is_one else item


_RANGE: Final = re.compile(r"(?P<low>[0-9]+|[A-Za-z]{3})-(?P<high>[0-9]+|[A-Za-z]{3})(?:/(?P<step>[0-9]+))?")
_EVERY: Final = re.compile(r"\*/(?P<step>[0-9]+)")
_FOREIGN: Final = re.compile(r"[LW#?]")
_NAMES: Final = re.compile("|".join(name for place in PLACES for name in place.names))
