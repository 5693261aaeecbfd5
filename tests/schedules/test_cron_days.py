"""The days of a cron expression, compared with croniter, which knows `L`, `#` and `W`."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from croniter import CroniterBadDateError, croniter
from hypothesis import assume, given, settings, strategies as st

from remembrancer.errors import InvalidInput
from remembrancer.schedules.cron.calendar import cron_days
from remembrancer.schedules.cron.expression import parse_cron

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (days, in no zone)
DAYS = ["*", "*/2", "*/5", "1-7", "15W", "1W", "30W", "31W", "L", "29,30,31", "1-5,L", "5-20/3", "13", "31"]
MONTHS = ["*", "2", "1-6", "2,4", "*/3", "11"]
WEEKDAYS = ["*", "*/2", "1-5", "L5", "2#1", "0#5", "3#2,5#4", "0", "L5,2#1", "6"]


def days_of_croniter(pattern: str, day: int) -> Iterator[int]:
    found: Any = croniter(f"0 0 {pattern}", start_time=EPOCH + timedelta(days=day, seconds=-1), day_or=False)
    while True:
        yield (found.get_next(datetime) - EPOCH).days


@settings(derandomize=True, database=None, max_examples=400, deadline=None)
@given(st.sampled_from(DAYS), st.sampled_from(MONTHS), st.sampled_from(WEEKDAYS), st.integers(10_000, 32_000))
def test_days_are_those_that_croniter_names(day: str, month: str, weekday: str, begin: int) -> None:
    assume([day, month, weekday] != ["*", "*", "*"])
    try:
        fields = parse_cron(f"0 0 {day} {month} {weekday}").normalized.split()[2:5]
    except InvalidInput:
        assume(condition=False)
        raise
    narrows = fields[0].startswith("*") or fields[2].startswith("*")
    patterns = [" ".join(fields)] if narrows else [f"{fields[0]} {fields[1]} *", f"* {fields[1]} {fields[2]}"]
    try:
        expected = sorted({each for pattern in patterns for each in islice(days_of_croniter(pattern, begin), 8)})[:8]
    except CroniterBadDateError:  # it looks 50 years ahead
        assume(condition=False)
        raise
    named = cron_days(*fields)
    assert named is not None
    found = list(named.listed(begin, expected[-1] + 1))

    assert found == expected
    assert named.count(begin, expected[-1] + 1) == len(expected)
    assert named.at_or_after(begin) == expected[0]
