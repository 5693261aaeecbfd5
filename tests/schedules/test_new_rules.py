"""Occurrences of each kind of wall times under other rules of their zone: none is lost, and none comes twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import resources
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings, strategies as st

from remembrancer.model.schedule import value_of
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.schedules.kinds import KINDS

if TYPE_CHECKING:
    from remembrancer.schedules.protocol import Schedule

ZONES: Final = ["Europe/Berlin", "Etc/GMT-1", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Etc/GMT+3"]
DATES: Final = [f"202{year}-{month:02}-28" for year in (6, 7, 8) for month in range(1, 13)]
CHANGES: Final = [day + shift for day in (86, 297, 451, 668) for shift in range(-3, 3)]
"""Days since 2026-01-01 about which clocks of zones change."""
BASE: Final[list[dict[str, Any]]] = [
    {"kind": "cron", "expression": "30 2 * * *"},
    {"kind": "cron", "expression": "0 9 5 7 *"},
    {"kind": "cron", "expression": "0,30 1,2,3 * * *"},
    {"kind": "every", "every": "1d", "at": "02:30"},
    {"kind": "every", "every": "2w", "at": "09:00"},
    {"kind": "rrule", "rule": "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU;BYHOUR=1,2,3;BYMINUTE=0,30;BYSECOND=0"},
    {"kind": "rrule", "rule": "FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=23;BYMINUTE=59;BYSECOND=0"},
    {"kind": "dates", "dates": DATES, "at": "02:15"},
    {"kind": "weekly", "days": "sun,mon", "start": "02:30", "end": "17:00"},
    {"kind": "workdays", "at": "09:00"},
]


def composed(value: dict[str, Any], other: dict[str, Any], way: str) -> dict[str, Any]:
    match way:
        case "any_of":
            return {"kind": "any_of", "schedules": [value, other]}
        case "bounded":
            return {"kind": "bounded", "schedule": value, "start": "2026-02-01T09:00", "end": "2028-11-30"}
        case "counted":
            return {"kind": "bounded", "schedule": value, "start": "2026-02-01T09:00", "count": 25}
        case _:
            return value


@settings(max_examples=400)
@given(
    zones=st.tuples(st.sampled_from(ZONES), st.sampled_from(ZONES)),
    pair=st.tuples(st.sampled_from(BASE), st.sampled_from(BASE)),
    way=st.sampled_from(["itself", "any_of", "bounded", "counted"]),
    day=st.one_of(st.integers(0, 730), st.sampled_from(CHANGES)),
    shared=st.fixed_dictionaries(
        {"gap": st.sampled_from(["run_after", "skip"]), "fold": st.sampled_from(["first", "last", "both"])}
    ),
)
def test_new_rules_lose_no_wall_time_and_repeat_none(
    zones: tuple[str, str], pair: tuple[dict[str, Any], dict[str, Any]], way: str, day: int, shared: dict[str, str]
) -> None:
    (zone, former), walls = zones, made(pair, way, "UTC", shared)
    data = resources.files("tzdata").joinpath("zoneinfo", *former.split("/")).read_bytes()
    old, new = ZoneInfo.from_file(BytesIO(data), zone), ZoneInfo(zone)
    now_by = made(pair, way, zone, shared)
    served_by = now_by.under_rules(old)
    served_ms = served_by.next_after(to_ms(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)))
    assume(served_ms is not None)
    place_ms = served_by.next_after(served_ms)
    assume(place_ms is not None)
    wall = asked_for(place_ms, old, walls if shared["gap"] == "run_after" else None)
    last_ms = to_ms(datetime(2030, 1, 1, tzinfo=UTC))
    ahead = [each for each in now_by.between(served_ms + 1, last_ms, 50) if wall_of(each, new) >= wall]

    found_ms = now_by.under_new_rules(place_ms, old)

    if now_by.next_after(served_ms) is None or not ahead:
        return  # it has ended
    assert now_by.next_ms(found_ms - 1) == found_ms
    assert found_ms > served_ms
    assert wall_of(found_ms, new) >= wall
    assert found_ms == ahead[0]


@given(value=st.sampled_from(BASE), day=st.sampled_from(CHANGES), hour=st.integers(0, 23), limit=st.integers(1, 8))
def test_a_bounded_list_is_what_the_steps_name(value: dict[str, Any], day: int, hour: int, limit: int) -> None:
    """Times of the first day before the start once took the place of later ones."""
    schedule = made((value, value), "itself", "Europe/Berlin", {})
    start_ms = to_ms(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day, hours=hour))
    last_ms, stepped = to_ms(datetime(2029, 1, 1, tzinfo=UTC)), list[int]()
    after_ms: int | None = start_ms - 1
    while len(stepped) < limit and (after_ms := schedule.next_after(after_ms)) is not None and after_ms <= last_ms:
        stepped.append(after_ms)

    assert schedule.between(start_ms, last_ms, limit) == stepped


def made(pair: tuple[dict[str, Any], dict[str, Any]], way: str, zone: str, shared: dict[str, str]) -> Schedule:
    """Return the schedule in a zone; in UTC, its wall times are its moments."""
    one, other = ({**each, **shared, "timezone": zone} for each in pair)
    value = value_of(composed(one, other, way))
    return KINDS[value.kind](value, "task")


def asked_for(moment_ms: int, clock: ZoneInfo, walls: Schedule | None) -> datetime:
    """Return the first wall time that runs at a moment: right after a gap, one of *walls* that the clock jumps over."""
    shown, begin = wall_of(moment_ms, clock), wall_of(moment_ms - 1000, clock) + timedelta(seconds=1)
    named_ms = walls.next_after(to_ms(begin.replace(tzinfo=UTC)) - 1) if walls and begin < shown else None
    return shown if named_ms is None else min(shown, from_ms(named_ms).replace(tzinfo=None))


def wall_of(moment_ms: int, clock: ZoneInfo) -> datetime:
    return from_ms(moment_ms).astimezone(clock).replace(tzinfo=None)
