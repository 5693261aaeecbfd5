"""Laws of all kinds near clock changes, and oracles: sets of moments, and the wall clock read minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings, strategies as st

from remembrancer.errors import InvalidInput
from remembrancer.model.plain_schedules import Cron, Dates, Every, RRule, Weekly, Workdays
from remembrancer.model.policy import Fold, Gap
from remembrancer.model.schedule import AllOf, AnyOf, Bounded, Except, Offset, text_of, value_from
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.schedules.kinds import KINDS

FIXED = settings(derandomize=True, database=None, max_examples=60, deadline=None)
CHANGES = {
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "Pacific/Apia": ["2011-12-30", "2020-09-27"],
    "Africa/Casablanca": ["2026-02-15", "2026-03-22"],
    "UTC": ["2026-03-29"],
}
DAY_MS = 86_400_000


def made(value: Any, task: str = "task_1") -> Any:
    kept = value_from(text_of(value))
    assert kept == value
    return KINDS[kept.kind](kept, task)


TIMES = st.sampled_from(["00:00", "00:30", "01:30", "02:00", "02:15", "02:30", "03:00", "09:00", "23:30"])


@st.composite
def clocks(draw: st.DrawFn) -> tuple[dict[str, Any], date]:
    zone = draw(st.sampled_from(sorted(CHANGES)))
    fields = {"timezone": zone, "gap": draw(st.sampled_from(Gap)), "fold": draw(st.sampled_from(Fold))}
    return fields, date.fromisoformat(draw(st.sampled_from(CHANGES[zone])))


@st.composite
def plain(draw: st.DrawFn, clock: dict[str, Any], day: date) -> Any:
    time = draw(TIMES)
    zone = {"timezone": clock["timezone"]}
    return draw(
        st.sampled_from(
            [
                Every(draw(st.sampled_from(["1d", "2d", "3d", "1w"])), at=time, anchor=day.isoformat(), **clock),
                Every(draw(st.sampled_from(["30m", "7h", "40m"])), anchor=f"{day}T00:00", **zone),
                Cron(f"{time[3:]} {time[:2]} * * *", **clock),
                Cron("*/20 * * * *", **clock),
                RRule(f"FREQ=DAILY;BYHOUR={time[:2]};BYMINUTE={time[3:]}", **clock),
                RRule("FREQ=HOURLY;BYMINUTE=10,40", **clock),
                Dates([day, day + timedelta(days=1)], at=time, **clock),
                Dates([day], **clock),
                Weekly("mon-sun", "02:00", "03:30", **clock),
                Workdays(time, weekdays="mon-sun", holidays=[day + timedelta(days=1)], **clock),
                Workdays(time, nth=draw(st.sampled_from([1, 3, -1, -2])), per="week", **clock),
            ]
        )
    )


@st.composite
def any_kind(draw: st.DrawFn) -> tuple[Any, date]:
    clock, day = draw(clocks())
    one, other = draw(plain(clock, day)), draw(plain(clock, day))
    value = draw(
        st.sampled_from(
            [
                one,
                AnyOf([one, other]),
                AllOf([one, Weekly("mon-sun", "01:00", "12:00", timezone=clock["timezone"])]),
                Except(one, other),
                Offset(one, by=draw(st.sampled_from(["-15m", "26h"]))),
                Bounded(one, start=f"{day}T02:30", count=3),
                Bounded(one, start=f"{day}T00:00", end=day + timedelta(days=2)),
                Bounded(one, jitter="2h", spread="10m"),
                Bounded(AnyOf([one, other]), jitter="7m"),
            ]
        )
    )
    return value, day


def window(day: date) -> tuple[int, int]:
    begin_ms = to_ms(datetime(day.year, day.month, day.day, tzinfo=UTC)) - DAY_MS
    return begin_ms, begin_ms + 4 * DAY_MS


def stepped(schedule: Any, begin_ms: int, end_ms: int) -> list[int]:
    found: list[int] = []
    moment_ms = schedule.next_after(begin_ms - 1)
    while moment_ms is not None and moment_ms <= end_ms:
        found.append(moment_ms)
        moment_ms = schedule.next_after(moment_ms)
    return found


@FIXED
@given(any_kind(), st.integers(0, 4 * 86_400))
def test_a_list_a_count_and_steps_agree(drawn: tuple[Any, date], cut: int) -> None:
    value, day = drawn
    begin_ms, end_ms = window(day)
    begin_ms += cut * 1000
    try:
        schedule = made(value)
        found = stepped(schedule, begin_ms, end_ms)
    except InvalidInput:  # a combination that never fires
        return

    assert found == sorted(set(found))
    assert schedule.between(begin_ms, end_ms, 10_000) == found
    assert schedule.between(begin_ms, end_ms, 2) == found[:2]
    assert schedule.count(begin_ms, end_ms) == len(found)
    assert [schedule.last_ms(end_ms, place) for place in range(1, min(4, len(found)) + 1)] == found[:-5:-1]
    assert all(isinstance(note, str) for each in found[:5] for note in schedule.notes(each - DAY_MS, each))
    assert schedule.describe()
    assert schedule.normalized


@FIXED
@given(clocks(), st.data())
def test_combinations_of_moments_are_those_of_sets(drawn: tuple[dict[str, Any], date], data: st.DataObject) -> None:
    clock, day = drawn
    one = Cron("*/20 * * * *", **clock)
    other = data.draw(st.sampled_from([Every("40m"), Every("1h", phase="20m"), Cron("*/30 1-5 * * *", **clock)]))
    begin_ms, end_ms = window(day)
    first, second = (set(made(each).between(begin_ms, end_ms, 10_000)) for each in (one, other))
    for value, expected in [
        (AnyOf([one, other]), first | second),
        (AllOf([one, other]), first & second),
        (Except(one, other), first - second),
        (Except(AnyOf([one, other]), AllOf([one, other])), first ^ second),
    ]:
        assert made(value).between(begin_ms, end_ms, 10_000) == sorted(expected)


@FIXED
@given(clocks(), TIMES, TIMES)
def test_a_window_covers_what_the_wall_clock_shows_in_it(
    drawn: tuple[dict[str, Any], date], opens: str, closes: str
) -> None:
    clock, day = drawn
    begin_ms, end_ms = window(day)
    inside = AllOf([Every("10m"), Weekly("mon-sun", opens, closes, timezone=clock["timezone"])])
    found = set(made(inside).between(begin_ms, end_ms, 10_000))
    zone = ZoneInfo(clock["timezone"])
    for moment_ms in range(begin_ms, end_ms, 600_000):
        local = from_ms(moment_ms).astimezone(zone)
        if local.fold or local.utcoffset() != local.replace(fold=1).utcoffset():
            continue  # a repeated hour, in which a window may end
        shown = f"{local:%H:%M}"
        named = opens <= shown < closes if opens < closes else shown >= opens or shown < closes
        assert (moment_ms in found) == named, local


@FIXED
@given(any_kind(), st.sampled_from(["90s", "30m", "5h"]), st.text(min_size=1, max_size=5))
def test_a_delay_is_one_and_less_than_the_next_occurrence(drawn: tuple[Any, date], jitter: str, task: str) -> None:
    value, day = drawn
    begin_ms, end_ms = window(day)
    try:
        nominal = stepped(made(value, task), begin_ms, end_ms)
        delayed = Bounded(value, jitter=jitter, spread="3m")
        found = stepped(made(delayed, task), nominal[0] if nominal else end_ms, end_ms)
    except InvalidInput:
        return
    assert made(delayed, task).between(begin_ms, end_ms, 10_000)[-len(found) :] == found
    late = [each for each in found if each < (nominal[-1] if nominal else 0)]
    for before, after, each in zip(nominal, nominal[1:], late, strict=False):
        assert before <= each < after


@FIXED
@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(-5, 5), st.sets(st.integers(-20, 20), max_size=9))
def test_days_are_moved_as_a_calendar_is_read(day: date, by: int, free: set[int]) -> None:
    holidays = [day + timedelta(days=each) for each in free]
    schedule = made(Offset(Dates([day], at="09:00"), workdays=by, roll="before", holidays=holidays))
    expected, left = day, by
    while expected.weekday() > 4 or expected in holidays:
        expected -= timedelta(days=1)
    while left:
        expected += timedelta(days=1 if by > 0 else -1)
        left -= (expected.weekday() < 5 and expected not in holidays) * (1 if by > 0 else -1)

    assert [from_ms(each).date() for each in schedule.between(0, 10**14, 9)] == [expected]


def test_jitter_is_the_same_on_every_replica() -> None:
    value = Bounded(Cron("0 9 * * *"), jitter="1h", spread="1h")
    fires = {task: made(value, task).next_after(1_770_000_000_000) for task in ("task_1", "task_2", "task_1")}
    assert len(set(fires.values())) == 2
    assert made(value, "task_1").next_after(1_770_000_000_000) == fires["task_1"]
