"""The text of a recurrence rule, read strictly into numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from remembrancer.errors import InvalidInput

EXAMPLE: Final = "DTSTART:20260306T090000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=FR"
FREQUENCIES: Final = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY, SECONDLY = range(7)
DAY_NAMES: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Weekday(NamedTuple):
    """A weekday (0: Monday), at a place of its month or year, or each of them at 0."""

    place: int
    day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleParts:
    """The parts of a rule; an empty tuple stands for a part that is not given. All tuples ascend."""

    freq: int
    interval: int
    count: int | None
    until: str | None
    wkst: int
    bymonth: tuple[int, ...]
    byweekno: tuple[int, ...]
    byyearday: tuple[int, ...]
    bymonthday: tuple[int, ...]
    byday: tuple[Weekday, ...]
    byhour: tuple[int, ...]
    byminute: tuple[int, ...]
    bysecond: tuple[int, ...]
    bysetpos: tuple[int, ...]


class RuleText(NamedTuple):
    """The text of a rule, taken apart: DTSTART with its zone, and the rule."""

    start: str | None
    zone: str | None
    parts: dict[str, str]


def taken_apart(text: object) -> RuleText:
    """Return the lines of a rule. Raises InvalidInput."""
    if not isinstance(text, str) or len(text) > _LONGEST or not text.isascii():
        raise wrong(text, f"a rule of RFC 5545, of at most {_LONGEST:,} characters of ASCII")
    start = zone = rule = None
    for line in _FOLD.sub("", text.strip()).splitlines():
        name, _, value = line.strip().partition(":") if ":" in line else ("RRULE", "", line.strip())
        word = name.upper().partition(";")[0]
        if word == "RRULE" and rule is None:
            rule = value
        elif word == "DTSTART" and start is None:
            start, zone = value, _zone(name)
        elif word in {"EXDATE", "RDATE", "EXRULE"}:
            raise wrong(text, f"no {word}: combine the rule with dates, in a schedule of kind except or any_of")
        elif line.strip():
            raise wrong(text, "one line RRULE, and one line DTSTART before it if the rule has one")
    if not rule:
        raise wrong(text, "a rule: its first part is FREQ")
    return RuleText(start, zone, _named(text, rule))


def read_parts(text: object, named: dict[str, str]) -> RuleParts:
    """Return the parts of a rule. Raises InvalidInput with the part that is wrong."""
    freq = _word(text, named, "FREQ", FREQUENCIES, None)
    parts = RuleParts(
        freq=freq,
        interval=_number(text, named, "INTERVAL", _LARGEST) or 1,
        count=_number(text, named, "COUNT", _LARGEST_COUNT),
        until=named.get("UNTIL"),
        wkst=_word(text, named, "WKST", DAY_NAMES, "MO"),
        bymonth=_numbers(text, named, "BYMONTH", 1, 12),
        byweekno=_numbers(text, named, "BYWEEKNO", 1, 53, signed=True),
        byyearday=_numbers(text, named, "BYYEARDAY", 1, 366, signed=True),
        bymonthday=_numbers(text, named, "BYMONTHDAY", 1, 31, signed=True),
        byday=_weekdays(text, named.get("BYDAY")),
        byhour=_numbers(text, named, "BYHOUR", 0, 23),
        byminute=_numbers(text, named, "BYMINUTE", 0, 59),
        bysecond=_numbers(text, named, "BYSECOND", 0, 59),
        bysetpos=_numbers(text, named, "BYSETPOS", 1, 366, signed=True),
    )
    _check_together(text, parts)
    return parts


def _check_together(text: object, parts: RuleParts) -> None:
    """Refuse parts that RFC 5545 does not allow beside each other."""
    freq = FREQUENCIES[parts.freq]
    numbered = any(each.place for each in parts.byday)
    by = (parts.bymonth, parts.byweekno, parts.byyearday, parts.bymonthday, parts.byday)
    refused = (
        (parts.count is not None and parts.until is not None, "COUNT or UNTIL, not both"),
        (parts.byweekno and parts.freq != YEARLY, f"BYWEEKNO with FREQ=YEARLY only, not {freq}"),
        (parts.byyearday and parts.freq in {DAILY, WEEKLY, MONTHLY}, f"no BYYEARDAY with FREQ={freq}"),
        (parts.bymonthday and parts.freq == WEEKLY, "no BYMONTHDAY with FREQ=WEEKLY"),
        (numbered and parts.freq not in {YEARLY, MONTHLY}, f"weekdays without a number, such as FR, with FREQ={freq}"),
        (numbered and parts.byweekno, "no weekdays with a number beside BYWEEKNO"),
        (
            parts.bysetpos and not any((*by, parts.byhour, parts.byminute, parts.bysecond)),
            "BYSETPOS beside another part with BY, of which it takes a place",
        ),
    )
    for is_wrong, allowed in refused:
        if is_wrong:
            raise wrong(text, allowed)


def wrong(text: object, allowed: str, example: str = EXAMPLE) -> InvalidInput:
    """Return the error of a rule."""
    return InvalidInput("rule", text, allowed, example)


def _zone(name: str) -> str | None:
    found = _TZID.search(name)
    return found[1].strip('"') if found else None


def _named(text: str, rule: str) -> dict[str, str]:
    named: dict[str, str] = {}
    for item in rule.strip().strip(";").split(";"):
        name, _, value = item.strip().upper().partition("=")
        if name in {"RSCALE", "SKIP"}:
            raise wrong(text, f"no {name}: dates are of the Gregorian calendar")
        if name not in _PARTS:
            raise wrong(text, f"the parts {', '.join(_PARTS)}, not {name[:_SHOWN] or 'an empty one'}")
        if name in named:
            raise wrong(text, f"each part once; {name} is there twice")
        if not value:
            raise wrong(text, f"a value of {name}")
        named[name] = value
    return named


def _word(text: object, named: dict[str, str], name: str, words: tuple[str, ...], default: str | None) -> int:
    word = named.get(name, default)
    if word not in words:
        raise wrong(text, f"{name}: one of {', '.join(words)}")
    return words.index(word)


def _number(text: object, named: dict[str, str], name: str, most: int) -> int | None:
    word = named.get(name)
    if word is None:
        return None
    if not word.isdigit() or len(word) > _DIGITS or not 1 <= int(word) <= most:
        raise wrong(text, f"{name}: a whole number from 1 to {most:,}")
    return int(word)


def _numbers(
    text: object, named: dict[str, str], name: str, low: int, high: int, *, signed: bool = False
) -> tuple[int, ...]:
    found: set[int] = set()
    for item in named[name].split(",") if name in named else ():
        matched = _SIGNED.fullmatch(item)
        number = int(item) if matched else None
        if number is None or not low <= (abs(number) if signed else number) <= high:
            signs = f", or -{high} to -{low} from the end" if signed else ""
            raise wrong(text, f"{name}: {low} to {high}{signs}, not {item[:_SHOWN]}")
        found.add(number)
    return tuple(sorted(found))


def _weekdays(text: object, value: str | None) -> tuple[Weekday, ...]:
    found: set[Weekday] = set()
    for item in value.split(",") if value else ():
        matched = _WEEKDAY.fullmatch(item)
        place = int(matched["place"] or 0) if matched else 0
        if matched is None or abs(place) > _WEEKS or (matched["place"] and not place):
            raise wrong(
                text, f"BYDAY: {', '.join(DAY_NAMES)}, or with a number such as 1FR or -1FR, not {item[:_SHOWN]}"
            )
        found.add(Weekday(place, DAY_NAMES.index(matched["day"])))
    return tuple(sorted(found))


_PARTS: Final = (
    *("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY"),
    *("BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS"),
)
_LONGEST: Final = 4096
_LARGEST: Final = 1_000_000
_LARGEST_COUNT: Final = 100_000
_DIGITS: Final = 7
_SHOWN: Final = 20
_WEEKS: Final = 53
_FOLD: Final = re.compile(r"\r?\n[ \t]")
_TZID: Final = re.compile(r";TZID=([^;:]+)", re.IGNORECASE)
_SIGNED: Final = re.compile(r"[+-]?[0-9]{1,3}")
_WEEKDAY: Final = re.compile(r"(?P<place>[+-]?[0-9]{1,2})?(?P<day>MO|TU|WE|TH|FR|SA|SU)")
