"""Times inside a schedule mean what the same text means everywhere else: one oracle, the reader of all moments."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from remembrancer import Bounded, Every, InvalidInput, RRule
from remembrancer.model.timestamps import to_ms
from remembrancer.operations.requested_schedule import requested
from remembrancer.schedules.parsing import read_moment
from remembrancer.schedules.relative.settled import settled
from remembrancer.schedules.value_fields import read_second_in, read_wall_in

NOW = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca")
OFFSETS = ("", "Z", "z", "+02:00", "-0530", "+14")
WALLS = st.datetimes(datetime(1971, 1, 1), datetime(2120, 1, 1))  # noqa: DTZ001 (walls have no zone)
STAMPS = st.builds(
    lambda wall, form, offset: f" {wall:{form}}{offset} ",
    WALLS,
    st.sampled_from(("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y%m%dT%H%M%S", "%G-W%V-%uT%H:%M:%S", "%Y-%m-%dT%H")),
    st.sampled_from(OFFSETS),
)
RELATIVE = st.one_of(
    st.sampled_from(("now", " NOW ", "2h ago", "in 1 hour and 5 minutes", "-90m", "1h30m", "in 0.5s", "in 1.5 days")),
    st.builds(lambda sign, number, unit: f"{sign}{number}{unit}", st.sampled_from(("", "in ", "+", "-")),
              st.integers(0, 2000), st.sampled_from("smhdw")),
)  # fmt: skip


def inner_second(text: str, zone: str) -> int:
    """Return the second at which a bound begins, as a schedule that is kept reads it."""
    kept = settled(Bounded(Every("1h"), start=text), NOW)
    assert isinstance(kept, Bounded)
    return read_second_in(kept.start, "start", zone)


def is_skipped(text: str, zone: str) -> bool:
    """Return whether the clock of a zone jumps over a wall time."""
    wall = read_moment(f"{text.strip()}Z", "at", now=NOW).replace(tzinfo=ZoneInfo(zone))
    return wall.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(fold=0) != wall.replace(fold=0)


@settings(max_examples=400, deadline=None)
@given(STAMPS, st.sampled_from(ZONES))
def test_a_time_inside_means_what_it_means_outside(text: str, zone: str) -> None:
    try:
        outside = read_moment(text, "at", now=NOW, timezone=zone)
    except InvalidInput:
        assert is_skipped(text, zone)  # a bound begins when the clock has jumped
        return
    inside = inner_second(text, zone)
    assert inside == to_ms(outside) // 1000
    wall = outside.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC, microsecond=0)
    assert read_wall_in(text, "start", zone) == to_ms(wall) // 1000


@settings(max_examples=200, deadline=None)
@given(RELATIVE, st.sampled_from(ZONES))
def test_a_time_from_now_inside_means_the_same(text: str, zone: str) -> None:
    outside = read_moment(text, "at", now=NOW, timezone=zone)
    assert inner_second(text, zone) == to_ms(outside) // 1000
    for made in (requested(RRule("FREQ=DAILY", start=text, timezone=zone), NOW),
                 requested(Every("1d", anchor=text, timezone=zone), NOW)):  # fmt: skip
        given_time = made.start if isinstance(made, RRule) else getattr(made, "anchor", None)
        assert given_time is not None
        assert read_second_in(given_time, "start", zone) == to_ms(outside) // 1000


@pytest.mark.parametrize("text", ["tomorrow", "", "2026-02-30T09:00", "in 2 months", "2026-03-02T25:00", "T09:00"])
def test_words_are_refused_inside_and_outside(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_moment(text, "at", now=NOW, timezone="UTC")
    with pytest.raises(InvalidInput):
        inner_second(text, "UTC")


def test_a_bound_in_a_gap_begins_when_the_clock_jumped() -> None:
    with pytest.raises(InvalidInput, match="jump over"):
        read_moment("2026-03-29T02:30", "at", now=NOW, timezone="Europe/Berlin")
    jump = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert inner_second("2026-03-29T02:30", "Europe/Berlin") == to_ms(jump) // 1000
