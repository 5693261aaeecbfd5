"""Both sides of daylight saving, by example, in zones that change in different ways."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from remembrancer.model.policy import Fold, Gap
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.schedules.cron.expression import parse_cron


def walls(
    expression: str,
    zone: str,
    day: str,
    *,
    gap: Gap = Gap.RUN_AFTER,
    fold: Fold = Fold.FIRST,
    hours: int = 24,
) -> list[str]:
    """The fires of *hours* real hours from local midnight on, as wall times with their offset."""
    cron = parse_cron(expression, timezone=zone, gap=gap, fold=fold)
    clock = ZoneInfo(zone)
    start = to_ms(datetime.fromisoformat(day).replace(tzinfo=clock))
    found = cron.between(start, start + hours * 3_600_000 - 1, 2000)
    return [from_ms(fire).astimezone(clock).strftime("%d %H:%M%z") for fire in found]


@pytest.mark.parametrize(
    ("zone", "day", "expression", "shifted"),
    [
        ("America/New_York", "2026-03-08", "30 2 * * *", "08 03:00-0400"),
        ("Europe/Berlin", "2026-03-29", "30 2 * * *", "29 03:00+0200"),
        ("Europe/Berlin", "2026-03-29", "0 2 * * *", "29 03:00+0200"),
        ("Africa/Cairo", "2026-04-24", "0 0 * * *", "24 01:00+0300"),
        ("America/Santiago", "2026-09-06", "0 0 * * *", "06 01:00-0300"),
        ("Asia/Beirut", "2026-03-29", "30 0 * * *", "29 01:00+0300"),
        ("Australia/Lord_Howe", "2026-10-04", "15 2 * * *", "04 02:30+1100"),
    ],
)
def test_a_time_in_the_gap_runs_at_its_end_or_not_at_all(zone: str, day: str, expression: str, shifted: str) -> None:
    assert walls(expression, zone, day, hours=23) == [shifted]
    assert walls(expression, zone, day, gap=Gap.SKIP, hours=23) == []


def test_times_in_and_after_one_gap_meet_in_one_fire() -> None:
    assert walls("0,30 2-3 * * *", "Europe/Berlin", "2026-03-29") == ["29 03:00+0200", "29 03:30+0200"]


def test_a_day_missing_from_the_calendar_runs_as_the_next_begins() -> None:
    # Samoa went over the date line: Thursday the 29th was followed by Saturday the 31st.
    assert walls("0 9 * * *", "Pacific/Apia", "2011-12-29", hours=48) == [
        "29 09:00-1000",
        "31 00:00+1400",
        "31 09:00+1400",
    ]


@pytest.mark.parametrize(
    ("zone", "day", "expression", "first", "last"),
    [
        ("America/New_York", "2026-11-01", "30 1 * * *", "01 01:30-0400", "01 01:30-0500"),
        ("Europe/Berlin", "2026-10-25", "0 2 * * *", "25 02:00+0200", "25 02:00+0100"),
        ("Africa/Cairo", "2026-10-29", "30 23 * * *", "29 23:30+0300", "29 23:30+0200"),
        ("America/Santiago", "2026-04-04", "15 23 * * *", "04 23:15-0300", "04 23:15-0400"),
        ("Australia/Lord_Howe", "2026-04-05", "45 1 * * *", "05 01:45+1100", "05 01:45+1030"),
    ],
)
def test_a_time_in_the_fold_takes_the_pass_asked_for(
    zone: str, day: str, expression: str, first: str, last: str
) -> None:
    assert walls(expression, zone, day, fold=Fold.FIRST, hours=25) == [first]
    assert walls(expression, zone, day, fold=Fold.LAST, hours=25) == [last]
    assert walls(expression, zone, day, fold=Fold.BOTH, hours=25) == [first, last]


def test_the_end_of_the_fold_belongs_to_no_pass() -> None:
    for fold in Fold:
        assert walls("0 3 * * *", "Europe/Berlin", "2026-10-25", fold=fold) == ["25 03:00+0100"]


@pytest.mark.parametrize("fold", Fold)
@pytest.mark.parametrize("gap", Gap)
def test_intervals_follow_elapsed_time_whatever_the_choices(gap: Gap, fold: Fold) -> None:
    autumn = walls("*/30 * * * *", "Europe/Berlin", "2026-10-25", gap=gap, fold=fold, hours=25)
    assert len(autumn) == len(set(autumn)) == 50
    spring = walls("*/30 * * * *", "Europe/Berlin", "2026-03-29", gap=gap, fold=fold, hours=23)
    assert len(spring) == 46


def test_a_two_hour_interval_is_kept_through_folds_and_gaps() -> None:
    assert walls("0 */2 * * *", "Europe/Berlin", "2026-10-25", hours=6) == [
        "25 00:00+0200",
        "25 02:00+0200",
        "25 02:00+0100",
        "25 04:00+0100",
    ]
    assert walls("0 */2 * * *", "Europe/Berlin", "2026-03-29", hours=6) == [
        "29 00:00+0100",
        "29 04:00+0200",
        "29 06:00+0200",
    ]


def test_a_stepped_hour_without_a_star_is_an_interval_too() -> None:
    assert "25 02:00+0100" in walls("0 2-10/2 * * *", "Europe/Berlin", "2026-10-25")
    assert walls("0-59 2 * * *", "Europe/Berlin", "2026-03-29") == []


def test_zones_without_changes_and_days_far_from_them_are_plain() -> None:
    assert walls("30 2 * * *", "Asia/Kolkata", "2026-03-29", hours=48) == ["29 02:30+0530", "30 02:30+0530"]
    assert walls("30 2 * * *", "Asia/Kathmandu", "2026-10-25") == ["25 02:30+0545"]
    assert walls("30 2 * * *", "Europe/Berlin", "2026-07-01") == ["01 02:30+0200"]
    assert walls("30 2 * * *", "UTC", "2026-03-29") == ["29 02:30+0000"]


def test_the_rules_hold_where_the_database_has_only_a_formula() -> None:
    assert walls("30 2 * * *", "Europe/Berlin", "2099-03-29") == ["29 03:00+0200"]


def test_the_fire_is_strictly_later_than_the_moment_asked_from() -> None:
    cron = parse_cron("30 2 * * *", timezone="Europe/Berlin")
    shifted = to_ms(datetime(2026, 3, 29, 1, tzinfo=UTC))
    assert cron.next_ms(shifted - 1) == shifted
    assert cron.next_ms(shifted) == to_ms(datetime(2026, 3, 30, 0, 30, tzinfo=UTC))
