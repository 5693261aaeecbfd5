"""The words for an expression hold against what fires, and a note on a clock change says from when to when."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from remembrancer.errors import InvalidInput
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.schedules.cron.description import describe
from remembrancer.schedules.cron.expression import CronExpression, parse_cron
from remembrancer.schedules.cron.schedule import CronSchedule
from remembrancer.schedules.preview import preview

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TURNS = ("first", "second", "third", "fourth", "fifth")
START = to_ms(datetime(2026, 1, 1, tzinfo=UTC)) - 1
MONTHS = tuple(datetime(2026, month, 1, tzinfo=UTC).strftime("%B") for month in range(1, 13))

days = st.sampled_from(["*", "*/2", "*/9", "1", "15", "31", "1,15", "1-7", "3-30/9", "2,3,5", "L", "15W", "15,L"])
months = st.sampled_from(["*", "1", "1,6", "3-5", "*/5", "2,3,4,12"])
weekdays = st.sampled_from(["*", "*/2", "1", "0,6", "1-5", "1,3-5/2", "5-7", "0-6", "2#1", "2#1,4#3", "L5", "0#5"])


def dates(cron: CronExpression) -> list[datetime]:
    return [from_ms(fire) for fire in cron.between(START, START + 1000 * 86_400_000, 1000)]


def holds(told: str, date: datetime) -> bool:
    """Tell whether words about days hold for a date; they are read as a person would read them."""
    if told.startswith("on ") and ", if that is " in told:
        first, second = told.split(", if that is ")
        return holds(first, date) and holds(f"on {second.replace('a ', '')}", date)
    if ", or on " in told:
        first, second = told.split(", or on ")
        return holds(first, date) or holds(f"on {second}", date)
    if " of the month" in told and "day from" not in told and any(name in told for name in WEEKDAYS):
        last = (date + timedelta(days=7)).month != date.month
        turns = [TURNS[(date.day - 1) // 7], *(["last"] if last else [])]
        return any(f"the {turn} {WEEKDAYS[date.weekday()]}" in told for turn in turns)
    if any(name in told for name in WEEKDAYS):
        if found := re.search(r"(\w+) through (\w+)", told):
            first, last = (WEEKDAYS.index(name) for name in found.groups())
            return (date.weekday() - first) % 7 <= (last - first) % 7
        return WEEKDAYS[date.weekday()] in told
    return of_month(told, date)


def of_month(told: str, date: datetime) -> bool:
    if "the last day" in told and (date + timedelta(days=1)).day == 1:
        return True
    if found := re.search(r"every (\d+)\w\w day from day (\d+) to day (\d+)", told):
        step, first, last = map(int, found.groups())
        return date.day in range(first, last + 1, step)
    if found := re.search(r"weekday nearest day (\d+)", told):
        return date.weekday() < 5 and abs(date.day - int(found[1])) <= 2
    if found := re.search(r"days (\d+) through (\d+)", told):
        return int(found[1]) <= date.day <= int(found[2])
    return date.day in map(int, re.findall(r"\d+", told))


@given(day=days, month=months, weekday=weekdays)
@settings(max_examples=400, deadline=None)
def test_words_that_claim_days_hold_on_every_day_that_fires(day: str, month: str, weekday: str) -> None:
    try:
        cron = parse_cron(f"0 9 {day} {month} {weekday}")
    except InvalidInput:
        return
    told = describe(cron.expression)
    assert told.startswith("At 09:00")
    about = told.removeprefix("At 09:00").removeprefix(", ")
    about, _, only = about.partition("only in ") if "only in " in about else (about, "", "")
    about = about.removesuffix(", ").removeprefix("only ")

    fired = {date.date() for date in dates(cron)}
    for ahead in range(1, 800):
        date = datetime(2026, 1, 1, 9, tzinfo=UTC) + timedelta(days=ahead)
        said = (not about or holds(about, date)) and (not only or _in_months(only, date))
        if "nearest" in about:
            assert said or date.date() not in fired, (told, date)
        else:
            assert said == (date.date() in fired), (told, date)


def _in_months(only: str, date: datetime) -> bool:
    if found := re.fullmatch(r"(\w+) through (\w+)", only):
        return MONTHS.index(found[1]) <= date.month - 1 <= MONTHS.index(found[2])
    return MONTHS[date.month - 1] in only


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("0 6 */3 * 2", "At 06:00, on every 3rd day from day 1 to day 31 of the month, if that is a Tuesday"),
        ("0 6 9 * */3", "At 06:00, on day 9 of the month, if that is a Sunday, a Wednesday or a Saturday"),
        ("0 6 * * 2,4-6/2", "At 06:00, only on Tuesday, Thursday and Saturday"),
        ("0 6 * * 3#2,5#4", "At 06:00, on the second Wednesday and the fourth Friday of the month"),
        ("0 6 9 * 2", "At 06:00, on day 9 of the month, or on Tuesday"),
        ("*/25 * * * *", "At 0, 25, and 50 minutes past the hour"),
        ("0 */7 * * *", "At 00:00, 07:00, 14:00 and 21:00"),
        ("0 6 * */5 *", "At 06:00, only in January, June and November"),
        ("@weekly", "At 00:00, only on Sunday"),
        ("99 * * * *", "By 99 * * * *"),
    ],
)
def test_an_expression_is_told_as_it_fires(expression: str, told: str) -> None:
    assert describe(expression) == told


@pytest.mark.parametrize(
    ("zone", "after", "jump"),
    [
        ("Pacific/Apia", datetime(2011, 12, 29, tzinfo=UTC), "from 2011-12-30 00:00 to 2011-12-31 00:00"),
        ("Pacific/Kwajalein", datetime(1993, 8, 20, tzinfo=UTC), "from 1993-08-21 00:00 to 1993-08-22 00:00"),
        ("America/Nuuk", datetime(2027, 3, 26, tzinfo=UTC), "from 2027-03-27 23:00 to 2027-03-28 00:00"),
    ],
)
def test_a_jump_over_midnight_is_told_with_its_days(zone: str, after: datetime, jump: str) -> None:
    notes = [
        fire.note
        for fire in preview(CronSchedule(parse_cron("30 23 * * *", timezone=zone)), to_ms(after), 4)
        if fire.note
    ]

    assert len(notes) == 1
    assert jump in notes[0]
