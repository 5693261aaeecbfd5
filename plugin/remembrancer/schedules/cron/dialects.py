"""Cron dialects of other schedulers: their recognition, and the five fields that mean the same.

A suggestion keeps the meaning of the expression, or none is made. The weekdays of Quartz and EventBridge, which count
from 1 = Sunday, become names. For a year, or for seconds that would be lost, there is no suggestion.
"""

from __future__ import annotations

import re
from typing import Final

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import SecondsField
from remembrancer.schedules.cron.fields import DAY, MONTH, PLACES, WEEKDAY, FieldSpec, WrongField
from remembrancer.schedules.parsing import read_zone

ALIASES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def expand_alias(text: str) -> str:
    """Return the fields of an alias, any other text as it is. Raises WrongField."""
    if not text.startswith("@"):
        return text
    name = text.lower()
    if name in ALIASES:
        return ALIASES[name]
    if name == "@reboot":
        raise WrongField("times of the clock; '@reboot' names none: schedule a one-time task when the agent starts")
    if name.startswith("@every"):
        raise _interval(text, name.removeprefix("@every"))
    raise WrongField(f"of the aliases {', '.join(ALIASES)}")


def is_foreign(text: str, fields: list[str]) -> bool:
    """Return whether an expression names its zone beside the fields, or is wrapped as `cron(…)` or `rate(…)`."""
    if len(fields) > 1 and _PLACE.fullmatch(fields[-1]):
        return True
    return bool(_ZONED.fullmatch(text) or _WRAPPED.fullmatch(text))


def joined(texts: list[str], seconds_field: SecondsField | None) -> str:
    """Return six fields, seconds last, as the caller writes them."""
    *five, second = texts
    return " ".join({None: five, SecondsField.FIRST: [second, *five], SecondsField.LAST: texts}[seconds_field])


def refusal(text: str, fields: list[str], seconds_field: SecondsField | None) -> WrongField:
    """Return the error of an expression with the wrong number of fields."""
    if found := _ZONED.fullmatch(text):
        return _zoned(found["zone"], found["rest"])
    if len(fields) > 1 and _PLACE.fullmatch(fields[-1]):
        return _zoned(fields[-1], " ".join(fields[:-1]))
    if found := _WRAPPED.fullmatch(text):
        inner = found["inner"].strip()
        return refusal(inner, inner.split(), None) if found["kind"] == "cron" else _interval(text, inner)
    if seconds_field is not None:
        return _of_six(text, len(fields), seconds_field)
    return _of_five(fields)


def _of_six(text: str, count: int, seconds_field: SecondsField) -> WrongField:
    instead = None
    if count == _PLAIN:
        instead = f"0 {text}" if seconds_field is SecondsField.FIRST else f"{text} 0"
    year = ""
    if count > _PLAIN + 1:
        last = text.rsplit(maxsplit=1)[-1]
        year = f"; {_of_year(last)}" if count == _PLAIN + 2 else _NO_YEAR
    return WrongField(
        f"exactly six fields, as seconds_field={seconds_field.value!r} was given; here are {count}{year}", instead
    )


def _of_five(fields: list[str]) -> WrongField:
    count = len(fields)
    if count == _PLAIN:  # unwrapped
        return WrongField(_FIELDS, " ".join(fields))
    if count == _PLAIN + 2:
        instead = _same(fields[1:-1]) if fields[0] == "0" and fields[-1] == "*" and "?" in fields else None
        return WrongField(f"{_FIELDS}; here are 7: {_of_year(fields[-1])}{_counted(fields[1:-1])}", instead)
    if count != _PLAIN + 1:
        year = _NO_YEAR if count > _PLAIN else ""
        return WrongField(f"{_FIELDS}; here are {count}{year}")
    if _YEAR.fullmatch(fields[-1]) or _reads_as_days(fields[:-1]):
        ask = f"{_FIELDS}; here are six: is the last one, {fields[-1]}, a year? If so, {_of_year(fields[-1])}"
        instead = _same(fields[:-1]) if fields[-1] == "*" else None
        return WrongField(f"{ask}{_counted(fields[:-1])}", instead)
    if _reads_as_days(fields[1:]):
        words = f"{_FIELDS}; here are six, the first of them seconds, so say {_FIRST} too, or leave them out"
        return WrongField(f"{words}{_counted(fields[1:])}", _same(fields[1:]) if fields[0] == "0" else None)
    unsure = f"if the last is a year, {_BOUND}; if there are seconds, say {_FIRST} or seconds_field='last' too"
    return WrongField(f"{_FIELDS}; here are six: {unsure}, or drop them")


def _of_year(year: str) -> str:
    """Return what takes the place of a field for the year."""
    if year == "*":
        return "there is no field for the year: leave it out"
    found = _YEARS.fullmatch(year)
    if found is None:
        return f"there is no field for the year: leave it out, and {_BOUND}"
    first, last = found["first"], found["last"] or found["first"]
    bounds = f"start={first + '-01-01'!r}, end={last + '-12-31'!r}"
    options = f"--start {first}-01-01 --until {last}-12-31"
    return f"there is no field for the year: leave it out, and say {options}, or Bounded(Cron(…), {bounds})"


def _reads_as_days(five: list[str]) -> bool:
    """Return whether a question mark or a name shows that these are the five fields, in their places."""
    if "?" in {five[DAY.order], five[WEEKDAY.order]}:
        return True
    return any(name in five[place.order].upper() for place in (MONTH, WEEKDAY) for name in place.names)


def _counted(five: list[str]) -> str:
    """Warn of weekdays in numbers, where the question mark of Quartz says that they count from 1 = Sunday."""
    if "?" not in five or not any(letter.isdigit() for letter in five[WEEKDAY.order].partition("#")[0]):
        return ""
    return "; say weekdays by name: where '?' is written, 1 often is Sunday, and here it is Monday"


def _same(five: list[str]) -> str | None:
    """Return five fields of Quartz or EventBridge in this package's spelling; None if the meaning is uncertain."""
    if "?" not in five:
        return " ".join(five)
    told: list[str] = []
    for place, text in zip(PLACES, five, strict=False):
        items = [_item(place, item) for item in text.upper().split(",")]
        if None in items:
            return None
        told.append(",".join(item for item in items if item))
    return " ".join(told)


def _item(place: FieldSpec, item: str) -> str | None:
    """Return an item of Quartz in this package's spelling."""
    if item == "?":
        return "*"
    if place is WEEKDAY:
        return _weekdays(item)
    if found := _FROM.fullmatch(item):
        low, step = int(found["low"]), int(found["step"])
        if low == place.low and step == 1:
            return "*"
        return f"{low}-{place.high}/{step}" if step <= place.high - low else str(low)
    return item


def _weekdays(item: str) -> str | None:
    """Return weekdays that count from 1 = Sunday by their names."""
    if item in {"*", "L"}:
        return {"*": "*", "L": "SAT"}[item]
    found = _WEEKDAYS.fullmatch(item)
    if found is None:
        return None
    first, last = _name(found["first"]), _name(found["last"]) if found["last"] else ""
    if found["tail"] == "L":
        return f"L{first}"
    return f"{first}-{last}" if last else f"{first}{found['tail'] or ''}"


def _name(word: str) -> str:
    return WEEKDAY.names[int(word) - 1] if word.isdigit() else word


def _zoned(zone: str, rest: str) -> WrongField:
    """Return the error of an expression that names its zone."""
    try:
        named = f"timezone={read_zone(zone)!r}"
    except InvalidInput:
        named = "timezone, an IANA key such as 'Europe/Berlin'"
    return WrongField(f"five fields without a zone: give the zone as {named}", rest.strip())


def _interval(text: str, length: str) -> WrongField:
    """Return the error of an interval, with the fields that mean the same where there are any."""
    found = _LENGTH.fullmatch(length)
    count, unit = (int(found["count"]), found["unit"].lower()) if found else (0, "")
    whole = {"m": _MINUTES, "h": _HOURS}.get(unit, 0)
    instead = None
    if 0 < count < whole and whole % count == 0:
        every = "*" if count == 1 else f"*/{count}"
        instead = f"{every} * * * *" if unit == "m" else f"0 {every} * * *"
    said = f"{count}{unit}" if count else "90m"
    write = f", or write {instead}" if instead else "; five fields cannot say this one"
    return WrongField(
        f"times of the clock; {text!r} is an interval schedule: the kind `every`, or --every {said}{write}", instead
    )


_PLAIN: Final = 5
_MINUTES, _HOURS = 60, 24
_FIELDS: Final = "exactly five fields: minute hour day-of-month month day-of-week"
_FIRST: Final = "seconds_field='first'"
_ZONED: Final = re.compile(r"(?:CRON_TZ|TZ)=(?P<zone>\S*)\s*(?P<rest>.*)", re.IGNORECASE)
_PLACE: Final = re.compile(r"[A-Za-z_]+/[A-Za-z_+/-]+[0-9]*|UTC|GMT|Z", re.IGNORECASE)
_WRAPPED: Final = re.compile(r"(?P<kind>cron|rate)\((?P<inner>[^()]*)\)", re.IGNORECASE)
_BOUND: Final = "say --start and --until, or Bounded(Cron(…), start=…, end=…), for each run of years"
_NO_YEAR: Final = "; there is no field for the year"
_YEARS: Final = re.compile(r"(?P<first>(?:19|2[0-9])[0-9]{2})(?:-(?P<last>(?:19|2[0-9])[0-9]{2}))?")
_YEAR: Final = re.compile(r"(?:19|2[0-9])[0-9]{2}(?:[-,/][0-9]+)*")
_FROM: Final = re.compile(r"(?P<low>[0-9]{1,2})/(?P<step>[0-9]{1,2})")
_WEEKDAYS: Final = re.compile(r"(?P<first>[1-7]|[A-Z]{3})(?:-(?P<last>[1-7]|[A-Z]{3})|(?P<tail>L|#[1-5]))?")
_LENGTH: Final = re.compile(r"\s*(?P<count>[0-9]{1,2})\s*(?P<unit>[mh])(?:in(?:ute)?|our)?s?\s*", re.IGNORECASE)
