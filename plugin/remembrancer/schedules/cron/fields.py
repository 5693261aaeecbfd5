"""The fields of a cron expression: their strict reading, and an explanation of what is wrong with one.

Dialects of cron disagree in many details. A spelling that two of them read differently is refused here, with the
spelling that all read alike.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from remembrancer.schedules.cron.calendar import hashed


class WrongField(ValueError):
    """One field cannot be accepted; the message says what the field takes.

    `instead` is a replacement for the field, or for the whole expression, with the same meaning; None without one.
    """

    def __init__(self, message: str, instead: str | None = None) -> None:
        super().__init__(message)
        self.instead = instead


class FieldSpec(NamedTuple):
    """One place of an expression: its name, and the numbers and names that it takes."""

    order: int
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


class ParsedField(NamedTuple):
    """A field after reading.

    `text` is its normal spelling: numbers for names, 0 for Sunday, `*` for everything, `H` resolved.
    `values` are the numbers it names, ascending; empty when they depend on the month (`L`, `#`, `W`).
    """

    text: str
    values: tuple[int, ...]


def read_field(place: FieldSpec, text: str, hash_key: str | None) -> ParsedField:
    """Read one field.

    Args:
        place: The field.
        text: The text of the expression there.
        hash_key: The text that `H` is derived from; None without one.

    Raises:
        WrongField: With what this field takes.
    """
    word = text.upper()
    if word == "?" and place.name in {"day-of-month", "day-of-week"}:
        word = "*"
    items = word.split(",")
    if "*" in items and len(items) > 1:
        raise WrongField(f"in the {place.name} field '*' already means every value and stands alone, without a list")
    readings: list[ParsedField] = []
    for at, item in enumerate(items):
        try:
            readings.append(_read_item(place, item, hash_key))
        except WrongField as wrong:
            if wrong.instead is not None:
                wrong.instead = ",".join([*items[:at], wrong.instead, *items[at + 1 :]])
            raise
    special = [item for item, reading in zip(items, readings, strict=True) if not reading.values]
    if special and len(items) > 1:
        _check_mix(place, items, special)
        return ParsedField(",".join(reading.text for reading in readings), ())
    values = tuple(sorted({value for reading in readings for value in reading.values}))
    return ParsedField(_normal(place, readings, values), values)


def _normal(place: FieldSpec, readings: list[ParsedField], values: tuple[int, ...]) -> str:
    text = ",".join(reading.text for reading in readings)
    # In the two day fields a leading '*' has a meaning of its own, so a full range stays a range there.
    if len(values) == _size(place) and (text.startswith("*") or place.order not in {DAY.order, WEEKDAY.order}):
        return "*"
    return text


def _check_mix(place: FieldSpec, items: list[str], special: list[str]) -> None:
    if any("W" in item for item in special) and place is DAY:
        raise WrongField("in the day-of-month field 'W' takes one day and stands alone, such as 15W")
    if place is WEEKDAY and len(special) < len(items):
        raise WrongField(
            "the day-of-week field takes either plain days (1-5, MON,FRI) or L and # (L5, 2#1), not a mixture"
        )


def _read_item(place: FieldSpec, item: str, hash_key: str | None) -> ParsedField:
    if item.startswith("H"):
        return _read_hash(place, item, hash_key)
    found = _ITEM.fullmatch(item)
    if found is None:
        return _read_special(place, item)
    low, high, step = found["low"], found["high"], found["step"]
    if low == "*":
        return _stretch(place, item, (place.low, place.high), step)
    first = _number(place, low)
    if high is None:
        if step is not None:
            raise _wrong(place, "a step needs a range", item, *_onwards(place, first, int(step)))
        value = _sunday(place, first)
        return ParsedField(str(value), (value,))
    last = _number(place, high)
    if place is WEEKDAY and last == 0 < first:
        last = 7  # SAT-SUN: as the end of a range Sunday is the week's last day
    return _stretch(place, item, (first, last), step)


def _stretch(place: FieldSpec, item: str, ends: tuple[int, int], step: str | None) -> ParsedField:
    """Read `low-high`, `low-high/step` or `*/step`."""
    low, high = ends
    if low == high:
        raise _wrong(place, "a range needs two different ends", item, str(low), (_sunday(place, low),))
    stride = int(step or 1)
    if low > high:
        raise _wrong(place, "a range runs upwards", item, *_around(place, low, high, stride))
    if not 1 <= stride <= high - low:
        # The leading '*' of a day field also says how the two are combined: one day cannot replace it.
        alone = stride > 0 and not (item.startswith("*") and place in {DAY, WEEKDAY})
        fault = f"the step of {item} must be 1 to {high - low}"
        raise _wrong(place, fault, item, str(low) if alone else None, (_sunday(place, low),))
    values = tuple(sorted({_sunday(place, value) for value in range(low, high + 1, stride)}))
    if item.startswith("*"):
        return ParsedField("*" if stride == 1 else f"*/{stride}", values)
    if place is WEEKDAY and high == _SUNDAY_TOO:
        return ParsedField(",".join(map(str, values)), values)
    return ParsedField(f"{low}-{high}" + (f"/{stride}" if stride > 1 else ""), values)


def _wrong(place: FieldSpec, fault: str, item: str, instead: str | None, values: tuple[int, ...]) -> WrongField:
    """Return the error of an item, with *instead* in its place if it is read as exactly these values."""
    message = f"in the {place.name} field {fault}"
    if instead is None or read_field(place, instead, None).values != tuple(sorted(values)):
        return WrongField(message)
    return WrongField(f"{message}; write {instead} for {item}", instead)


def _onwards(place: FieldSpec, first: int, step: int) -> tuple[str | None, tuple[int, ...]]:
    """Return the spelling of each *step* from *first* to the end of the field, and the values that it names."""
    low, top = _sunday(place, first), place.low + _size(place) - 1
    if step < 1:
        return None, ()
    values = tuple(range(low, top + 1, step))
    return f"{low}-{top}/{step}" if len(values) > 1 else str(low), values


def _around(place: FieldSpec, low: int, high: int, step: int) -> tuple[str | None, tuple[int, ...]]:
    """Return the spelling of a range that runs over the end of the field, and the values that it names.

    Months differ in length, so cron implementations disagree on steps over the end of a month.
    """
    size = _size(place)
    if step < 1 or (place is DAY and step > 1):
        return None, ()
    length = (high - low) % size
    values = tuple((low - place.low + ahead) % size + place.low for ahead in range(0, length + 1, step))
    wrapped = [value for value in values if value < low]
    if step > 1 or not wrapped or low == _SUNDAY_TOO == place.high:
        return ",".join(map(str, values)), values
    ends = (low, values[-len(wrapped) - 1]), (wrapped[0], wrapped[-1])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ends), values


def _read_hash(place: FieldSpec, item: str, key: str | None) -> ParsedField:
    """Read `H`, `H(low-high)`, `H/step` or `H(low-high)/step`."""
    found = _HASH.fullmatch(item)
    if found is None:
        raise WrongField(f"in the {place.name} field H is written H, H/15 or H(0-29), not {item}")
    if key is None:
        raise WrongField(f"the {place.name} field can use H only for a task with an id; write a number instead")
    top = {WEEKDAY.order: 6, DAY.order: _SHORTEST}.get(place.order, place.high)
    low, high = int(found["low"] or place.low), int(found["high"] or top)
    if not place.low <= low < high <= top:
        raise WrongField(
            f"in the {place.name} field the range of {item} must lie in {place.low} to {top}, low end first"
        )
    step = found["step"]
    if step is None:
        value = hashed(f"H({low}-{high})", place.order, key)[0]
        return ParsedField(str(value), (value,))
    if not 1 < int(step) <= high - low:
        raise WrongField(f"in the {place.name} field the step of {item} must be 2 to {high - low}")
    values = hashed(f"H({low}-{high})/{step}", place.order, key)
    return ParsedField(str(values[0]) if len(values) == 1 else f"{values[0]}-{high}/{step}", values)


def _read_special(place: FieldSpec, item: str) -> ParsedField:
    """Read an item that depends on the month: the last day, the nearest working day, the nth or last weekday."""
    if place is DAY and item == "L":
        return ParsedField("L", ())
    if place is DAY and (near := _NEAREST.fullmatch(item)):
        return ParsedField(f"{_number(place, near[1] or near[2])}W", ())
    if place is WEEKDAY and (last := _LAST.fullmatch(item)):
        return ParsedField(f"L{_sunday(place, _number(place, last[1]))}", ())
    if place is WEEKDAY and (nth := _NTH.fullmatch(item)):
        return ParsedField(f"{_sunday(place, _number(place, nth[1]))}#{nth[2]}", ())
    raise WrongField(f"the {place.name} field takes {_takes(place)}, not {item or 'an empty list item'}")


def _number(place: FieldSpec, word: str) -> int:
    if word in place.names:
        return place.names.index(word) + (1 if place is MONTH else 0)
    if word.isdigit() and place.low <= int(word) <= place.high:
        return int(word)
    raise WrongField(f"the {place.name} field takes {_takes(place)}, not {word}")


def _takes(place: FieldSpec) -> str:
    names = f" or {place.names[0]} to {place.names[-1]}" if place.names else ""
    more = {DAY.order: ", L or 15W", WEEKDAY.order: " (0 and 7 are Sunday), 2#1 or L5"}.get(place.order, "")
    return f"{place.low} to {place.high}{names}{more}, '*', lists, ranges and steps"


def _size(place: FieldSpec) -> int:
    return _WEEK if place is WEEKDAY else place.high - place.low + 1


def _sunday(place: FieldSpec, value: int) -> int:
    return value % _WEEK if place is WEEKDAY else value


_WEEK: Final = 7
_SUNDAY_TOO: Final = 7
_SHORTEST: Final = 28
"""H chooses a day that every month has."""
_ITEM: Final = re.compile(r"(?P<low>\*|[0-9]+|[A-Z]{3})(?:-(?P<high>[0-9]+|[A-Z]{3}))?(?:/(?P<step>[0-9]+))?")
_HASH: Final = re.compile(r"H(?:\((?P<low>[0-9]+)-(?P<high>[0-9]+)\))?(?:/(?P<step>[0-9]+))?")
_NEAREST: Final = re.compile(r"([0-9]+)W|W([0-9]+)")
_LAST: Final = re.compile(r"L([0-9]|[A-Z]{3})")
_NTH: Final = re.compile(r"([0-9]|[A-Z]{3})#([1-5])")

MINUTE: Final = FieldSpec(0, "minute", 0, 59)
HOUR: Final = FieldSpec(1, "hour", 0, 23)
DAY: Final = FieldSpec(2, "day-of-month", 1, 31)
MONTH: Final = FieldSpec(
    3, "month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
)
WEEKDAY: Final = FieldSpec(4, "day-of-week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))
SECOND: Final = FieldSpec(5, "second", 0, 59)
PLACES: Final = (MINUTE, HOUR, DAY, MONTH, WEEKDAY, SECOND)
