"""Moments and zones at the door."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest

from remembrancer.errors import InvalidInput
from remembrancer.schedules.parsing import read_moment, read_zone

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-08-15T09:00:00Z", datetime(2026, 8, 15, 9, tzinfo=UTC)),
        ("2026-08-15T09:00:00z", datetime(2026, 8, 15, 9, tzinfo=UTC)),
        (" 2026-08-15 09:00+02:00 ", datetime(2026, 8, 15, 7, tzinfo=UTC)),
        ("20260815T090000Z", datetime(2026, 8, 15, 9, tzinfo=UTC)),
        ("2026-08-15T09:00:00.123456Z", datetime(2026, 8, 15, 9, 0, 0, 123_000, tzinfo=UTC)),
        (datetime(2026, 8, 15, 9, tzinfo=ZoneInfo("Europe/Berlin")), datetime(2026, 8, 15, 7, tzinfo=UTC)),
        (
            datetime(2026, 8, 15, 9, tzinfo=timezone(timedelta(hours=-3))),
            datetime(2026, 8, 15, 12, tzinfo=UTC),
        ),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_becomes_utc_in_whole_milliseconds(value: str | datetime, moment: datetime) -> None:
    read = read_moment(value, "defer_until", now=NOW)
    assert read == moment
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "",
        "tomorrow",
        "9am",
        "2026-08-15",
        "2026-02-30T09:00:00Z",
        "2026-08-15T25:00:00Z",
        "2026-08-15x09:00:00Z",
        "2026-08-15T09:00:00 Europe/Berlin",
        "1769904000",
        "\u0662026-08-15T09:00:00Z",
        "2026-08-15T09:00:00",
        datetime(2026, 8, 15, 9),  # noqa: DTZ001  naive on purpose
        "1969-12-31T23:59:59Z",
        "2126-12-31T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        None,
        True,
        1_769_904_000,
        1.5,
        date(2026, 8, 15),
        ["2026-08-15T09:00:00Z"],
        "2" * 5000,
    ],
)
def test_anything_else_is_refused_with_an_example_that_works(value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_moment(value, "defer_until", now=NOW)
    assert refused.value.field == "defer_until"
    assert str(refused.value.example).endswith("T09:00:00Z")
    read_moment(str(refused.value.example), "defer_until", now=NOW)


def test_a_wall_time_is_read_in_the_zone_given() -> None:
    assert read_moment("2026-08-15T09:00", "at", now=NOW, timezone="Europe/Berlin") == datetime(
        2026, 8, 15, 7, tzinfo=UTC
    )
    naive = datetime(2026, 8, 15, 9)  # noqa: DTZ001  naive on purpose
    assert read_moment(naive, "at", now=NOW, timezone="Asia/Tokyo") == datetime(2026, 8, 15, tzinfo=UTC)


def test_an_offset_in_the_value_wins_over_the_zone() -> None:
    assert read_moment("2026-08-15T09:00Z", "at", now=NOW, timezone="Asia/Tokyo").hour == 9


def test_a_wall_time_that_comes_twice_is_the_first() -> None:
    read = read_moment("2026-10-25T02:30", "at", now=NOW, timezone="Europe/Berlin")
    assert read == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_wall_time_that_never_comes_is_refused_with_an_example() -> None:
    with pytest.raises(InvalidInput, match="jump over") as refused:
        read_moment("2026-03-29T02:30", "at", now=NOW, timezone="Europe/Berlin")
    assert refused.value.example == "2026-03-29T03:30:00+02:00"


def test_a_wrong_zone_is_named_as_the_zone() -> None:
    with pytest.raises(InvalidInput, match=r"^timezone="):
        read_moment("2026-08-15T09:00", "at", now=NOW, timezone="Berlin")


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Etc/GMT+5", "GB-Eire", "CET"])
def test_a_zone_of_the_database_is_taken_as_it_is(name: str) -> None:
    assert read_zone(name) == name


def test_every_place_of_the_database_is_taken() -> None:
    places = {name for name in available_timezones() if "/" in name and not name.startswith(("posix", "right"))}
    assert len(places) > 400
    assert {read_zone(name) for name in places} == places


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("america/new york", "America/New_York"),
        ("EST", "America/New_York"),
        ("EST5EDT", "America/New_York"),
        ("PST8PDT", "America/Los_Angeles"),
    ],
)
def test_a_near_miss_is_answered_with_the_right_name(name: str, example: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_zone(name)
    assert refused.value.example == example


@pytest.mark.parametrize(
    "odd",
    [
        "",
        " ",
        "EST5EDT4,M3.2.0,M11.1.0",
        "+02:00",
        "UTC+2",
        "../UTC",
        "../../etc/passwd",
        "/etc/localtime",
        "Europe/../Europe/Berlin",
        "Europe",
        "Europe/",
        "right/UTC",
        "posix/Europe/Berlin",
        "localtime",
        "Factory",
        "Europe/Berlin\x00",
        "Europe/Berlin\n",
        "Z" * 5000,
        None,
        5,
        ["UTC"],
    ],
)
def test_what_is_no_zone_is_refused(odd: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_zone(odd, "zone")
    assert refused.value.field == "zone"
    read_zone(str(refused.value.example))
