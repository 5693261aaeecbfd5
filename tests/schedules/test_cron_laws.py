"""Laws of cron in a zone, on random expressions, most of them near a change of the clock.

Two oracles: cronsim, and a plain reading of the rules, minute by minute.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, given, settings, strategies as st

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold, Gap
from remembrancer.model.timestamps import from_ms
from remembrancer.schedules.cron.expression import parse_cron
from remembrancer.schedules.zone_offsets import span_at

FIXED = settings(
    derandomize=True,
    database=None,
    max_examples=1000,
)

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/Lisbon",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Pacific/Auckland",
    "Pacific/Chatham",
]

# Chatham's clock jumps from 02:45 to 03:45, and cronsim loses the quarter of an hour that is left of that hour;
# the plain reading below covers it.
ORACLE_ZONES = [zone for zone in ZONES if zone != "Pacific/Chatham"]
LORD_HOWE = "Australia/Lord_Howe"
"""Its clocks move by half an hour, which cronsim does not expect; the plain reading covers it."""

MIDNIGHT = {"America/Santiago", "Africa/Cairo", "Asia/Beirut"}
"""Their gap swallows midnight: there cronsim starts a wildcard's day at 01:00, named or not."""


def changes(zone: str) -> list[int]:
    """The epoch seconds from 2024 to 2028 at which the zone's offset changes."""
    second, end = 1_704_067_200, 1_830_297_600
    found: list[int] = []
    while second < end:
        span = span_at(zone, second)
        if span.before != span.offset and span.start == second:
            found.append(second)
        second = span.end
    return found


CHANGES = {zone: changes(zone) for zone in [*ZONES, LORD_HOWE]}


class Case(NamedTuple):
    zone: str
    after: int


@st.composite
def cases(draw: st.DrawFn, zones: list[str]) -> Case:
    """A zone and an epoch second: three times in four within two days of a change of its clock."""
    zone = draw(st.sampled_from(zones))
    near = CHANGES[zone]
    if near and draw(st.integers(0, 3)):
        return Case(zone, draw(st.sampled_from(near)) + draw(st.integers(-2 * 86_400, 86_400)))
    return Case(zone, draw(st.integers(1_704_067_200, 1_830_297_600)))


def values(low: int, high: int) -> st.SearchStrategy[str]:
    """Numbers, lists of them, and ranges that fall short of the whole field."""
    numbers = st.integers(low, high)
    lists = st.lists(numbers, min_size=1, max_size=4, unique=True).map(lambda found: ",".join(map(str, found)))
    ranges = st.tuples(numbers, numbers).filter(lambda ends: 0 < ends[1] - ends[0] < high - low)
    return lists | ranges.map(lambda ends: f"{ends[0]}-{ends[1]}")


def stars(steps: list[int]) -> st.SearchStrategy[str]:
    return st.just("*") | st.sampled_from(steps).map(lambda step: f"*/{step}")


MINUTES = values(0, 59) | stars([2, 5, 7, 15, 30, 40])
HOURS = st.one_of(values(0, 23), values(0, 3), values(21, 23), stars([2, 3, 5, 6, 12]))
DAYS = st.just("*") | values(1, 28) | st.sampled_from(["*/2", "*/5", "L", "29,30,31"])
MONTHS = st.just("*") | values(1, 12)
WEEKDAYS = st.just("*") | values(0, 6) | st.sampled_from(["*/2", "1-5", "6,7", "2#1", "0#5", "3#2,5#4"])


@FIXED
@given(cases(ORACLE_ZONES), MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS)
def test_the_same_fires_as_cronsim(  # noqa: PLR0917
    case: Case, minute: str, hour: str, day: str, month: str, weekday: str
) -> None:
    # Where the two differ on purpose, no such expression is drawn: a stepped or a whole range written out
    # (0-59) in minute or hour, which we count as intervals and cronsim as fixed times.
    assume(case.zone not in MIDNIGHT or "*" not in minute + hour)
    expression = f"{minute} {hour} {day} {month} {weekday}"
    try:
        cron = parse_cron(expression, timezone=case.zone)
    except InvalidInput as refusal:  # such as every fifth day of June that is its fifth Sunday: there is none
        assert "never" in str(refusal)  # noqa: PT017
        assume(condition=False)
        raise
    start = datetime.fromtimestamp(case.after, ZoneInfo(case.zone))
    # Started in the second pass of a repeated hour, cronsim forgets which pass it was and first names fires
    # that are already past.
    oracle = (fire.astimezone(UTC) for fire in CronSim(expression, start) if fire.timestamp() > case.after)
    after_ms = case.after * 1000
    for _ in range(6):
        after_ms = cron.next_ms(after_ms)
        assert from_ms(after_ms) == next(oracle), expression


class Times(NamedTuple):
    """A daily expression, with the minutes and hours it names."""

    expression: str
    minutes: frozenset[int]
    hours: frozenset[int]
    is_interval: bool


@st.composite
def daily(draw: st.DrawFn) -> Times:
    minutes = frozenset(draw(st.sets(st.integers(0, 59), min_size=1, max_size=5)))
    hours = frozenset(draw(st.sets(st.sampled_from([0, 1, 2, 3, 4, 12, 22, 23]), min_size=1, max_size=4)))
    minute, hour = (",".join(map(str, sorted(numbers))) for numbers in (minutes, hours))
    shape = draw(st.sampled_from(["fixed", "fixed", "every hour", "every ten minutes"]))
    if shape == "every hour":
        return Times(f"{minute} * * * *", minutes, frozenset(range(24)), is_interval=True)
    if shape == "every ten minutes":
        return Times(f"*/10 {hour} * * *", frozenset(range(0, 60, 10)), hours, is_interval=True)
    return Times(f"{minute} {hour} * * *", minutes, hours, is_interval=False)


def plain_reading(times: Times, zone: str, around: int, gap: Gap, fold: Fold) -> list[datetime]:
    """Every fire within two days of *around*: ask of each minute of the wall which moments show it."""
    clock = ZoneInfo(zone)
    middle = datetime.fromtimestamp(around, clock).replace(tzinfo=None, second=0, microsecond=0)
    found: set[datetime] = set()
    for step in range(-2 * 1440, 2 * 1440):
        wall = middle + timedelta(minutes=step)
        if wall.minute not in times.minutes or wall.hour not in times.hours:
            continue
        found.update(moments(wall, clock, times, gap, fold))
    return sorted(found)


def moments(wall: datetime, clock: ZoneInfo, times: Times, gap: Gap, fold: Fold) -> set[datetime]:
    shown = [wall.replace(tzinfo=clock, fold=which).astimezone(UTC) for which in (0, 1)]
    real = [moment for moment in shown if moment.astimezone(clock).replace(tzinfo=None) == wall]
    if not real:
        return set() if times.is_interval or gap is Gap.SKIP else {end_of_gap(wall, clock)}
    if times.is_interval or fold is Fold.BOTH:
        return set(real)
    return {min(real) if fold is Fold.FIRST else max(real)}


def end_of_gap(wall: datetime, clock: ZoneInfo) -> datetime:
    while wall.replace(tzinfo=clock).astimezone(UTC).astimezone(clock).replace(tzinfo=None) != wall:
        wall += timedelta(minutes=1)
    return wall.replace(tzinfo=clock).astimezone(UTC)


@settings(FIXED, max_examples=400)
@given(
    st.sampled_from([(zone, change) for zone, found in CHANGES.items() for change in found]),
    daily(),
    st.sampled_from(Gap),
    st.sampled_from(Fold),
)
def test_the_same_fires_as_a_plain_reading_of_the_rules(
    place: tuple[str, int], times: Times, gap: Gap, fold: Fold
) -> None:
    zone, change = place
    expected = plain_reading(times, zone, change, gap, fold)
    cron = parse_cron(times.expression, timezone=zone, gap=gap, fold=fold)
    low, high = change - 86_400, change + 86_400
    found = [from_ms(fire) for fire in cron.between(low * 1000, high * 1000, 10_000)]
    wanted = [moment for moment in expected if low <= moment.timestamp() <= high]
    assert found == wanted


@settings(FIXED, max_examples=250)
@given(cases([*ZONES, LORD_HOWE]), MINUTES, HOURS, WEEKDAYS, st.sampled_from(Gap), st.sampled_from(Fold))
def test_every_fire_is_later_and_found_from_anywhere_before_it(  # noqa: PLR0917
    case: Case, minute: str, hour: str, weekday: str, gap: Gap, fold: Fold
) -> None:
    cron = parse_cron(f"{minute} {hour} * * {weekday}", timezone=case.zone, gap=gap, fold=fold)
    after_ms = case.after * 1000
    respelt = parse_cron(cron.normalized, timezone=case.zone, gap=gap, fold=fold)
    fires = [after_ms]
    for _ in range(30):
        fires.append(cron.next_ms(fires[-1]))
    assert all(earlier < later for earlier, later in pairwise(fires))
    for moment_ms in range(after_ms, fires[-1], max(1, (fires[-1] - after_ms) // 23)):
        following = next(fire for fire in fires if fire > moment_ms)
        assert cron.next_ms(moment_ms) == respelt.next_ms(moment_ms) == following


@settings(FIXED, max_examples=250)
@given(cases([*ZONES, LORD_HOWE]), values(0, 59), values(0, 23))
def test_both_is_first_and_last_and_shows_no_minute_twice(case: Case, minute: str, hour: str) -> None:
    start, end = case.after * 1000, (case.after + 3 * 86_400) * 1000
    clock = ZoneInfo(case.zone)
    found = {
        fold: parse_cron(f"{minute} {hour} * * *", timezone=case.zone, fold=fold).between(start, end, 10_000)
        for fold in Fold
    }
    assert found[Fold.BOTH] == sorted({*found[Fold.FIRST], *found[Fold.LAST]})
    for fold in (Fold.FIRST, Fold.LAST):
        shown = [from_ms(fire).astimezone(clock).replace(tzinfo=None) for fire in found[fold]]
        assert len(shown) == len(set(shown))


@pytest.mark.parametrize("zone", [*ZONES, LORD_HOWE])
@pytest.mark.parametrize("step", [1, 5, 15, 30])
def test_no_interval_is_lost_or_doubled_at_any_change(zone: str, step: int) -> None:
    # Clocks here are moved by a multiple of 30 minutes: an interval that divides it keeps its pace exactly.
    cron = parse_cron(f"*/{step} * * * *", timezone=zone)
    for change in CHANGES[zone]:
        start = change - 7200
        fires = cron.between(start * 1000, (start + 14_400) * 1000 - 1, 1000)
        first = bisect_left(fires, start * 1000)
        assert fires[first:] == list(range(fires[0], (start + 14_400) * 1000, step * 60_000))
        assert fires[0] - start * 1000 < step * 60_000
