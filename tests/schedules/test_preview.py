"""A preview says in words what daylight saving does to a schedule."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from remembrancer.errors import InvalidInput
from remembrancer.model.timestamps import to_ms
from remembrancer.schedules.cron.expression import parse_cron
from remembrancer.schedules.cron.schedule import CronSchedule
from remembrancer.schedules.preview import preview


def notes(expression: str, zone: str, after: str, count: int = 3, **choices: Any) -> list[str]:
    cron = parse_cron(expression, timezone=zone, **choices)
    return [fire.note for fire in preview(CronSchedule(cron), to_ms(datetime.fromisoformat(after)), count)]


def test_each_fire_is_shown_in_utc_and_on_the_wall() -> None:
    cron = parse_cron("0 9 * * *", timezone="Europe/Berlin")
    (fire,) = preview(CronSchedule(cron), to_ms(datetime(2026, 7, 1, tzinfo=UTC)), 1)
    assert fire.at == datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert fire.at.tzinfo is UTC
    assert fire.local.isoformat() == "2026-07-01T09:00:00+02:00"
    assert fire.local.tzinfo == ZoneInfo("Europe/Berlin")
    assert fire.note == ""


def test_a_time_moved_out_of_a_gap_says_so() -> None:
    assert notes("30 2 * * *", "America/New_York", "2026-03-07T00:00Z") == [
        "",
        "02:30 does not exist on 2026-03-08: clocks jump from 02:00 to 03:00; runs at 03:00",
        "",
    ]


def test_a_skipped_day_is_told_with_the_next_fire() -> None:
    assert notes("30 2 * * *", "America/New_York", "2026-03-07T00:00Z", gap="skip") == [
        "",
        "skipped: 02:30 does not exist on 2026-03-08: clocks jump from 02:00 to 03:00, and gap=skip",
        "",
    ]


def test_a_skipped_fire_may_have_been_weeks_before_the_next() -> None:
    assert notes("30 2 29 * *", "Europe/Berlin", "2026-03-01T00:00Z", 1, gap="skip") == [
        "skipped: 02:30 does not exist on 2026-03-29: clocks jump from 02:00 to 03:00, and gap=skip"
    ]


def test_several_times_in_one_gap_are_told_as_a_stretch() -> None:
    told = notes("0,15,45 2 * * *", "Europe/Berlin", "2026-03-29T00:00Z", 1)
    assert told == ["02:00 to 02:45 do not exist on 2026-03-29: clocks jump from 02:00 to 03:00; runs at 03:00"]


def test_an_interval_over_a_gap_is_not_moved() -> None:
    told = notes("*/30 * * * *", "Australia/Lord_Howe", "2026-10-03T15:20Z", 2)
    assert told == [
        "02:00 does not exist on 2026-10-04: clocks jump from 02:00 to 02:30; an interval is not moved",
        "",
    ]


@pytest.mark.parametrize("fold", ["first", "last"])
def test_a_time_that_comes_twice_says_which_is_taken(fold: str) -> None:
    told = notes("30 1 * * *", "America/New_York", "2026-11-01T00:00Z", 2, fold=fold)
    assert told == [f"01:30 happens twice on 2026-11-01; the {fold} is taken", ""]


@pytest.mark.parametrize(("expression", "fold"), [("30 1 * * *", "both"), ("30 * * * *", "first")])
def test_where_both_are_taken_each_says_which_it_is(expression: str, fold: str) -> None:
    told = notes(expression, "America/New_York", "2026-11-01T05:00Z", 3, fold=fold)
    assert told == [
        "01:30 happens twice on 2026-11-01; this is the first, and both are taken",
        "01:30 happens twice on 2026-11-01; this is the second, and both are taken",
        "",
    ]


def test_seconds_are_told_where_there_are_some() -> None:
    told = notes("30 2 * * * 15", "Europe/Berlin", "2026-03-29T00:00Z", 1, seconds_field="last")
    assert told[0].startswith("02:30:15 does not exist")


@pytest.mark.parametrize("count", [0, -1, 1001, True, 2.0, "5", None])
def test_a_count_out_of_bounds_is_refused(count: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^count="):
        preview(CronSchedule(parse_cron("@daily")), 0, count)


def test_a_thousand_fires_can_be_seen() -> None:
    assert len(preview(CronSchedule(parse_cron("@hourly", timezone="Europe/Berlin")), 0, 1000)) == 1000
