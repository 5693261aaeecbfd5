"""Calendars and followed tasks as schedules: compared with plain sets of days, and with holidays as data."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import holidays
import pytest
from hypothesis import given, settings, strategies as st

from remembrancer import AllOf, Bounded, Calendar, Cron, Dates, Every, Except, Offset, TaskTimes, Workdays
from remembrancer.errors import InvalidInput
from remembrancer.model.schedule import text_of, value_from
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.schedules.calendars.entries import entry_text, normal_windows, read_entry
from remembrancer.schedules.kinds import KINDS
from remembrancer.schedules.references import Content, leads_back, references_in, references_of, resolved
from remembrancer.schedules.walls.day_sets import day_of

FIXED = settings(derandomize=True, database=None, max_examples=200, deadline=None)
YEARS = range(2026, 2031)
GERMAN = sorted(holidays.country_holidays("DE", subdiv="BE", years=YEARS))
PINNED = Calendar("de", version="1", dates=tuple(map(date.isoformat, GERMAN)), last="2030-12-31")
DAYS = st.lists(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=60, unique=True)


def fires(value: Any, begin: date, end: date, task_id: str = "task") -> list[datetime]:
    made = KINDS[value.kind](value, task_id)
    low, high = (datetime(each.year, each.month, each.day, tzinfo=UTC) for each in (begin, end))
    return [from_ms(each) for each in made.between(to_ms(low), to_ms(high) - 1, 100_000)]


def pinned(value: Any, *, calendars: tuple[Calendar, ...] = (PINNED,), tasks: tuple[TaskTimes, ...] = ()) -> Any:
    return resolved(value, Content({each.name: each for each in calendars}, {each.task_id: each for each in tasks}))


def calendar(days: list[date]) -> Calendar:
    return Calendar("own", version="1", dates=tuple(sorted(map(date.isoformat, days))), last="2026-12-31")


def test_the_last_business_day_leaves_german_holidays_out() -> None:
    found = fires(pinned(Workdays("09:00", nth=-1, holidays=("de",))), date(2026, 1, 1), date(2031, 1, 1))
    expected: list[date] = []
    for year in YEARS:
        for month in range(1, 13):
            day = date(year, month, monthrange(year, month)[1])
            while day.weekday() >= 5 or day in GERMAN:
                day -= timedelta(days=1)
            expected.append(day)

    assert [each.date() for each in found] == expected
    assert {f"{each:%H:%M}" for each in found} == {"09:00"}


@given(out=DAYS, hour=st.integers(0, 23))
@FIXED
def test_except_leaves_out_the_days_of_a_calendar(out: list[date], hour: int) -> None:
    value = pinned(Except(Cron(f"0 {hour} * * *"), Calendar("own")), calendars=(calendar(out),))
    year = [date(2026, 1, 1) + timedelta(days=each) for each in range(365)]

    assert [each.date() for each in fires(value, date(2026, 1, 1), date(2027, 1, 1))] == [
        each for each in year if each not in out
    ]


@given(days=DAYS)
@FIXED
def test_all_of_keeps_what_lies_on_the_days(days: list[date]) -> None:
    value = pinned(AllOf([Every("7h"), Calendar("own")]), calendars=(calendar(days),))
    each_seven = fires(Every("7h"), date(2026, 1, 1), date(2027, 1, 1))

    assert fires(value, date(2026, 1, 1), date(2027, 1, 1)) == [each for each in each_seven if each.date() in days]


@given(days=DAYS, by=st.integers(-3, 3).filter(bool))
@FIXED
def test_an_offset_of_a_calendar_moves_its_days(days: list[date], by: int) -> None:
    value = pinned(Offset(Calendar("own", at="09:00"), days=by), calendars=(calendar(days),))
    found = fires(value, date(2025, 12, 1), date(2027, 2, 1))

    assert [each.date() - timedelta(days=by) for each in found] == sorted(days)


@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.integers(1, 3000)).map(lambda pair: (pair[0] * 60, sum(pair) * 60)),
        max_size=12,
    )
)
@FIXED
def test_windows_in_normal_form_cover_the_same_minutes(windows: list[tuple[int, int]]) -> None:
    def covered(some: list[tuple[int, int]]) -> set[int]:
        return {minute for begin, end in some for minute in range(begin // 60, end // 60)}

    joined = normal_windows(windows)
    assert covered(joined) == covered(windows)
    assert all(one[1] <= other[0] for one, other in pairwise(joined))
    assert [read_entry(entry_text(each), "dates") for each in joined] == joined


def test_a_window_of_a_calendar_is_a_window_and_no_holiday() -> None:
    party = Calendar("own", version="1", dates=("2026-12-24T18:00/2026-12-24T22:00",), last="2026-12-31")
    hourly = fires(
        pinned(AllOf([Cron("0 * * * *"), Calendar("own")]), calendars=(party,)), date(2026, 1, 1), date(2027, 1, 1)
    )
    workdays = fires(pinned(Workdays(holidays="own"), calendars=(party,)), date(2026, 12, 24), date(2026, 12, 25))

    assert [f"{each:%d %H:%M}" for each in hourly] == ["24 18:00", "24 19:00", "24 20:00", "24 21:00"]
    assert len(workdays) == 1


def test_a_calendar_takes_the_zone_beside_it() -> None:
    value = pinned(Except(Cron("30 0 * * *", timezone="Asia/Tokyo"), Calendar("de")))
    own = pinned(Except(Cron("30 0 * * *", timezone="Asia/Tokyo"), Calendar("de", timezone="Europe/Berlin")))

    assert value.excluded[0].timezone == "Asia/Tokyo"
    assert own.excluded[0].timezone == "Europe/Berlin"
    assert datetime(2026, 12, 24, 15, 30, tzinfo=UTC) not in fires(value, date(2026, 12, 24), date(2026, 12, 26))


@pytest.mark.parametrize(
    "schedule",
    [
        Cron("H H * * *"),
        Cron("30 2 * * *", timezone="Europe/Berlin"),
        Bounded(Every("1d", at="12:00"), jitter="30m"),
        Workdays("09:00", nth=1),
    ],
)
def test_followed_times_are_those_of_the_other_task(schedule: Any) -> None:
    begin, end = date(2026, 3, 1), date(2026, 5, 1)
    other = TaskTimes("task_x", schedule)
    following = pinned(Offset(TaskTimes("task_x"), by="-15m"), tasks=(other,))
    early = [each + timedelta(minutes=15) for each in fires(following, begin, end, "task_y")]

    assert early == fires(schedule, begin, end, "task_x")
    assert references_in(following).tasks == {"task_x"}
    assert (leads_back(following, "task_x"), leads_back(following, "task_y")) == ("task_x", None)


def test_followed_times_begin_and_end_with_the_other_task() -> None:
    daily = Cron("0 9 * * *", timezone="Europe/Berlin")
    within = TaskTimes("x", daily, "2026-03-03T00:00:00Z", "2026-03-05T08:00:00Z")
    days = pinned(Offset(TaskTimes("x"), days=1), tasks=(within,))
    spread = pinned(TaskTimes("x"), tasks=(TaskTimes("x", Bounded(daily, spread="1m"), within.start, within.end),))

    assert [f"{each:%d}" for each in fires(within, date(2026, 3, 1), date(2026, 4, 1))] == ["03", "04", "05"]
    assert [f"{each:%d}" for each in fires(days, date(2026, 3, 1), date(2026, 4, 1))] == ["04", "05", "06"]
    assert len(fires(spread, date(2026, 3, 1), date(2026, 4, 1))) in {2, 3}


def test_a_value_with_its_content_is_read_from_its_text() -> None:
    for value in (
        pinned(Workdays("09:00", holidays="de")),
        pinned(Except(Cron("0 9 * * *"), Calendar("de"))),
        pinned(Offset(TaskTimes("x"), by="1h"), tasks=(TaskTimes("x", pinned(Workdays(holidays="de"))),)),
    ):
        assert value_from(text_of(value)) == value
    assert references_of(text_of(pinned(Workdays("09:00", holidays="de")))).calendars == {"de": "1"}


def test_a_reference_without_content_is_refused() -> None:
    for value, field in (
        (Calendar("de"), "calendar"),
        (TaskTimes("x"), "task_id"),
        (Workdays(holidays="de"), "holidays"),
        (Offset(Dates(["2026-12-24"]), workdays=-1, holidays="de"), "holidays"),
    ):
        with pytest.raises(InvalidInput) as refused:
            KINDS[value.kind](value, "task")
        assert refused.value.field == field


def test_a_calendar_covers_its_days_and_no_other() -> None:
    made = KINDS["calendar"](PINNED, "")
    assert made.is_finite
    assert made.count(0, to_ms(datetime(2100, 1, 1, tzinfo=UTC))) == len(GERMAN)
    assert made.next_after(day_of(2030, 12, 27) * 86_400_000) is None
