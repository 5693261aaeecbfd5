"""Recurrence rules: compared with dateutil on wall times, with the examples of RFC 5545, and with hostile ones."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings, strategies as st

from remembrancer.errors import InvalidInput
from remembrancer.model.plain_schedules import RRule
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.schedules.rrule.schedule import rrule_schedule

FIXED = settings(derandomize=True, database=None, max_examples=300, deadline=None)


def schedule(rule: str, **fields: Any) -> Any:
    return rrule_schedule(RRule(rule, **fields), "task")


def fires(rule: str, count: int, after: str = "1970-01-01", **fields: Any) -> list[str]:
    made, moment_ms, found = schedule(rule, **fields), to_ms(datetime.fromisoformat(after).replace(tzinfo=UTC)), []
    while len(found) < count and (moment_ms := made.next_after(moment_ms)) is not None:
        found.append(f"{from_ms(moment_ms):%a %Y-%m-%d %H:%M}")
    return found


def some(low: int, high: int, most: int = 3, *, signed: bool = False) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high)
    either = numbers | numbers.map(lambda number: -number) if signed else numbers
    return st.lists(either, min_size=1, max_size=most, unique=True).map(lambda found: ",".join(map(str, found)))


WEEKDAYS = st.lists(
    st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=3, unique=True
).map(",".join)
NUMBERED = st.lists(
    st.builds(lambda n, day: f"{n}{day}", st.sampled_from([1, 2, 3, 5, -1, -2]), st.sampled_from(["MO", "WE", "SU"])),
    min_size=1,
    max_size=2,
    unique=True,
).map(",".join)


@st.composite
def rules(draw: st.DrawFn) -> tuple[str, str]:
    """A start and a rule that dateutil reads as RFC 5545 does.

    It does not where BYSETPOS counts in the week of the start, where BYWEEKNO is alone, and where plain weekdays are
    beside numbered ones.
    """
    freq = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"]))
    start = datetime(2024, 1, 1) + timedelta(minutes=draw(st.integers(0, 1_000_000)))  # noqa: DTZ001 (a wall time)
    parts = {"FREQ": freq, "INTERVAL": str(draw(st.sampled_from([1, 1, 2, 3, 7])))}

    def maybe(name: str, values: st.SearchStrategy[str], often: int = 3) -> None:
        if draw(st.integers(0, 9)) < often:
            parts[name] = draw(values)

    maybe("BYMONTH", some(1, 12))
    maybe("WKST", st.sampled_from(["MO", "SU", "WE"]))
    if freq == "YEARLY":
        maybe("BYWEEKNO", some(1, 53, signed=True), 2)
        maybe("BYYEARDAY", some(1, 366, signed=True), 2)
    if freq != "WEEKLY":
        maybe("BYMONTHDAY", some(1, 31, signed=True), 2)
    numbered = freq in {"YEARLY", "MONTHLY"} and "BYWEEKNO" not in parts and draw(st.booleans())
    maybe("BYDAY", NUMBERED if numbered else WEEKDAYS, 5)
    if "BYWEEKNO" in parts:
        parts.setdefault("BYDAY", "MO")
    maybe("BYHOUR", some(0, 23))
    maybe("BYMINUTE", some(0, 59))
    if freq != "WEEKLY" and len(parts) > 2:
        maybe("BYSETPOS", some(1, 4, 2, signed=True), 2)
    return f"{start:%Y%m%dT%H%M%S}", ";".join(f"{name}={value}" for name, value in parts.items())


class Slow(Exception):
    """The processor time of dateutil is over."""


def of_dateutil(start: str, rule: str, most: int) -> tuple[list[datetime], datetime]:
    """What dateutil names until some years after the start; and when that is.

    It looks for a rule that names nothing more until the year 9999, so a clock stops it, far behind those years.
    """
    until = datetime.strptime(start, "%Y%m%dT%H%M%S") + timedelta(days=365 if "HOURLY" in rule else 3000)  # noqa: DTZ007
    found: list[datetime] = []

    def stop(*_: object) -> None:
        raise Slow

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.3)
    try:
        try:
            for each in rrulestr(f"DTSTART:{start}\nRRULE:{rule};UNTIL={until:%Y%m%dT%H%M%S}"):
                found.append(each)
                if len(found) == most:
                    break
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except Slow:  # also where it meets the end of the loop
        pass
    except ValueError as refusal:  # it refuses some rules that can never fire, and steps through others in vain
        assert "generates an empty set" in str(refusal)  # noqa: PT017 (a refusal of another kind is a fault of the test)
    finally:
        signal.signal(signal.SIGVTALRM, before)
    return found, until


@FIXED
@given(rules())
def test_rules_name_the_times_that_dateutil_names(drawn: tuple[str, str]) -> None:
    start, rule = drawn
    expected, until = of_dateutil(start, rule, 30)
    try:
        made = schedule(f"DTSTART:{start}\nRRULE:{rule}")
    except InvalidInput:
        assert expected == [], rule
        return
    begin_ms = to_ms(datetime.strptime(start, "%Y%m%dT%H%M%S").replace(tzinfo=UTC))
    end_ms = to_ms((expected[-1] if len(expected) == 30 else until).replace(tzinfo=UTC))
    found = made.between(begin_ms, end_ms, 1000)

    assert [from_ms(each).replace(tzinfo=None) for each in found] == expected, rule
    assert made.count(begin_ms, end_ms) == len(expected)
    moment_ms, stepped = begin_ms - 1, []
    while (moment_ms := made.next_after(moment_ms)) is not None and moment_ms <= end_ms:
        stepped.append(moment_ms)
    assert stepped == found
    if found:
        assert made.last_ms(end_ms, 1) == found[-1]


@settings(FIXED, max_examples=100)
@given(rules(), st.integers(1, 60))
def test_a_count_is_the_number_of_times(drawn: tuple[str, str], count: int) -> None:
    start, rule = drawn
    try:
        endless = schedule(f"DTSTART:{start}\nRRULE:{rule}")
        counted = schedule(f"DTSTART:{start}\nRRULE:{rule};COUNT={count}")
    except InvalidInput:
        assume(condition=False)
        raise
    expected = endless.between(0, 10**14, count)

    assert counted.between(0, 10**14, 1000) == expected
    assert counted.count(0, 10**14) == len(expected)
    assert counted.is_finite or len(expected) < count  # the rest of them lie beyond the year 2400


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=9",
            ["Fri 2026-01-30", "Fri 2026-02-27", "Tue 2026-03-31"],
        ),
        ("FREQ=YEARLY;BYDAY=20MO;BYHOUR=9", ["Mon 2026-05-18", "Mon 2027-05-17", "Mon 2028-05-15"]),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;BYHOUR=9", ["Mon 2026-05-11", "Mon 2027-05-17", "Mon 2028-05-15"]),
        ("FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR;BYHOUR=9", ["Fri 2026-02-13", "Fri 2026-03-13", "Fri 2026-11-13"]),
        (
            "FREQ=YEARLY;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;BYHOUR=9",
            ["Tue 2026-11-03", "Tue 2027-11-02", "Tue 2028-11-07"],
        ),
        ("FREQ=MONTHLY;BYDAY=MO,1FR;BYMONTH=1;BYHOUR=9", ["Fri 2026-01-02", "Mon 2026-01-05", "Mon 2026-01-12"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=9", ["Tue 2028-02-29", "Sun 2032-02-29", "Fri 2036-02-29"]),
    ],
)
def test_rules_of_the_standard_name_their_days(rule: str, days: list[str]) -> None:
    assert [fire[:14] for fire in fires(rule, 3, "2026-01-01")] == days


def test_a_week_begins_on_the_day_that_wkst_says() -> None:
    start = "DTSTART:19970805T090000\nRRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST="
    assert [each[4:14] for each in fires(f"{start}MO", 9)] == ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"]
    assert [each[4:14] for each in fires(f"{start}SU", 9)] == ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"]


def test_a_rule_follows_its_zone_over_clock_changes() -> None:
    rule = "DTSTART;TZID=America/New_York:20260307T023000\nRRULE:FREQ=DAILY"
    assert fires(rule, 3) == ["Sat 2026-03-07 07:30", "Sun 2026-03-08 07:00", "Mon 2026-03-09 06:30"]
    assert fires(rule, 1, "2026-11-01") == ["Sun 2026-11-01 07:30"]
    hourly = "DTSTART;TZID=America/New_York:20261101T000000\nRRULE:FREQ=HOURLY"
    assert fires(hourly, 4, "2026-11-01T04:30") == [f"Sun 2026-11-01 0{hour}:00" for hour in (5, 6, 7, 8)]


def test_an_until_is_read_in_the_zone_of_the_rule() -> None:
    daily = "FREQ=DAILY;BYHOUR=9;UNTIL="
    floating = fires(f"{daily}20260102T090000", 9, "2025-12-31", timezone="Asia/Tokyo")
    assert floating == fires(f"{daily}20260102T000000Z", 9, "2025-12-31", timezone="Asia/Tokyo")
    assert floating == ["Wed 2025-12-31 00:00", "Thu 2026-01-01 00:00", "Fri 2026-01-02 00:00"][1:]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            "DTSTART:20260306T090000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=FR",
            "Every other week, on Friday, at 09:00, from 2026-03-06 09:00",
        ),
        ("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17;BYMINUTE=30", "Every month, on the last Friday of the month, at 17:30"),
        (
            "FREQ=MONTHLY;BYMONTHDAY=1,15,-1;BYHOUR=9",
            "Every month, on days 1 and 15 and the last day of the month, at 09:00",
        ),
        (
            "FREQ=DAILY;BYMONTH=1,2;BYHOUR=9,10;UNTIL=20270131T235959",
            "Every day, in January and February, at 09:00 and 10:00, until 2027-01-31 23:59:59",
        ),
        (
            "FREQ=HOURLY;BYHOUR=9,10,11;BYMINUTE=0,30",
            "Every hour, at hours 9, 10 and 11, at minutes 0 and 30, at second 0",
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=9",
            "Every month, on Monday through Friday, at 09:00, of these the last in each month",
        ),
    ],
)
def test_a_rule_is_described_by_what_it_fires(rule: str, words: str) -> None:
    assert schedule(rule).describe() == words


def test_rules_that_mean_the_same_have_one_normal_form() -> None:
    one = schedule("RRULE:freq=weekly;wkst=mo;byday=FR,MO;interval=1;byhour=9\n")
    assert (
        one.normalized == schedule("FREQ=WEEKLY;BYHOUR=09;BYDAY=MO,FR").normalized == "FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=9"
    )
    assert schedule(one.normalized).normalized == one.normalized


HOSTILE = [
    ("FREQ=DAILY;INTERVAL=0;BYHOUR=9", "INTERVAL"),
    ("FREQ=DAILY;COUNT=3;UNTIL=20270101T000000", "COUNT or UNTIL"),
    ("DTSTART:20260101T090000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31", "never fire"),
    ("DTSTART:20260105T090000\nRRULE:FREQ=DAILY;INTERVAL=7;BYDAY=TU", "never fire"),
    ("DTSTART:20260105T090000\nRRULE:FREQ=HOURLY;INTERVAL=24;BYHOUR=5", "never comes"),
    ("DTSTART:20260105T090000\nRRULE:FREQ=HOURLY;INTERVAL=168;BYDAY=TU", "never fire"),
    ("DTSTART:20260105T090000\nRRULE:FREQ=SECONDLY;INTERVAL=86399;COUNT=100000", "in place of this COUNT"),
    ("DTSTART:20260105T090000\nRRULE:FREQ=SECONDLY;INTERVAL=86399;BYSECOND=1;BYMINUTE=1;BYHOUR=1", "never fire"),
    ("DTSTART:20260105T090001\nRRULE:FREQ=MINUTELY;INTERVAL=1000000", ""),
    ("DTSTART:19700101T000000\nRRULE:FREQ=SECONDLY", ""),
    ("DTSTART:19700101T000000\nRRULE:FREQ=MINUTELY", ""),
    ("DTSTART:19700101T000000\nRRULE:FREQ=MINUTELY;COUNT=100000", ""),
    ("DTSTART:19700101T000000\nRRULE:FREQ=YEARLY;INTERVAL=1000", ""),
    ("DTSTART:20260101T000000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=100000", ""),
    ("DTSTART:20260101T000000\nRRULE:FREQ=YEARLY;BYSETPOS=366;BYMONTHDAY=1", "never fire"),
    ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS beside"),
    ("FREQ=YEARLY;BYYEARDAY=367;BYHOUR=9", "BYYEARDAY"),
    ("DTSTART:20260101T090000\nRRULE:FREQ=DAILY;UNTIL=20260201", "UNTIL with a time"),
    ("FREQ=DAILY", "time of day"),
    ("FREQ=WEEKLY;BYHOUR=9", "the day is"),
    ("FREQ=DAILY;BYHOUR=9;COUNT=3", "COUNT is counted"),
    ("FREQ=DAILY;BYHOUR=9;BYHOUR=10", "twice"),
    ("FREQ=DAILY;BYHOUR=9;RSCALE=CHINESE", "RSCALE"),
    ("FREQ=DAILY;BYEASTER=1", "BYEASTER"),
    ("RRULE:FREQ=DAILY;BYHOUR=9\nEXDATE:20260101T090000", "EXDATE"),
    ("FREQ=WEEKLY;BYDAY=1MO;BYHOUR=9", "without a number"),
    ("FREQ=WEEKLY;BYDAY=XX;BYHOUR=9", "BYDAY"),
    ("FREQ=NEVER", "FREQ"),
    ("", "rule"),
    ("FREQ=DAILY;BYHOUR=" + ",".join(["9"] * 5000), "4,096"),
    ("DTSTART:20261332T090000\nRRULE:FREQ=DAILY", "DTSTART"),
    ("FREQ=DAILY;BYHOUR=9;UNTIL=soon", "UNTIL"),
    ("FREQ=SECONDLY;BYSETPOS=1,-1;BYSECOND=1,2,3", ""),
    (
        "FREQ=YEARLY;BYHOUR="
        + ",".join(map(str, range(24)))
        + ";BYMINUTE="
        + ",".join(map(str, range(60)))
        + ";BYSECOND="
        + ",".join(map(str, range(60)))
        + ";BYSETPOS=-366,366;BYDAY=MO",
        "",
    ),
]


@pytest.mark.parametrize(("rule", "word"), HOSTILE)
def test_a_hostile_rule_is_refused_or_answered(rule: str, word: str) -> None:
    now_ms = to_ms(datetime(2026, 11, 28, tzinfo=UTC))
    if word:
        with pytest.raises(InvalidInput, match=word) as refused:
            schedule(rule)
        assert refused.value.field == "rule"
        schedule(str(refused.value.example))
    else:
        made = schedule(rule)
        made.next_after(now_ms)
        assert made.count(now_ms, now_ms + 86_400_000) >= 0
