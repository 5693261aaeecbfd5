"""Evenly spaced times against a look at each second, and the intersections that are found by their arithmetic."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given, strategies as st

from remembrancer.model.schedule import value_of
from remembrancer.schedules.composed.combinations import Moments
from remembrancer.schedules.kinds import KINDS
from remembrancer.schedules.walls.combined import Intersection
from remembrancer.schedules.walls.steps import at_most
from remembrancer.schedules.walls.wall_set import even, in_both

DAY: Final = 86_400
AROUND: Final = (1_774_742_400, 1_792_886_400, 1_767_225_600)
"""Days in UTC near which Berlin's clock jumps, repeats an hour, and does neither."""
ZONES: Final = st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"])
STEPS: Final = st.sampled_from([1, 7, 59, 60, 61, 90, 420, 1800, 3600, 5400, 86_400])


def _rule(freq: str, interval: int, zone: str, more: str) -> dict[str, Any]:
    rule = f"FREQ={freq};INTERVAL={interval}{more}"
    return {"kind": "rrule", "rule": rule, "start": "1970-01-01T00:00:05", "timezone": zone}


RULES: Final = st.builds(
    _rule,
    st.sampled_from(["SECONDLY", "MINUTELY", "HOURLY"]),
    st.sampled_from([1, 3, 7, 59, 61]),
    ZONES,
    st.sampled_from(["", "", ";UNTIL=20260329T050000Z", ";BYHOUR=1,2,3"]),
)
ELAPSED: Final = st.builds(
    lambda step, phase, zone: {"kind": "every", "every": f"{step}s", "phase": f"{phase % step}s", "timezone": zone},
    STEPS,
    st.integers(0, 4000),
    ZONES,
)
CRONS: Final = st.builds(
    lambda text, zone, gap, fold: {"kind": "cron", "expression": text, "timezone": zone, "gap": gap, "fold": fold},
    st.sampled_from(["* * * * *", "*/15 * * * *", "5-59/20 * * * *", "*/7 * * * *", "0 */6 * * *", "30 2 * * *"]),
    ZONES,
    st.sampled_from(["run_after", "skip"]),
    st.sampled_from(["first", "last"]),
)
DAYS: Final = st.builds(
    lambda at, zone: {"kind": "every", "every": "2d", "at": at, "timezone": zone},
    st.sampled_from(["00:00", "02:30", "09:00"]),
    ZONES,
)
ON_WALLS: Final = st.one_of(RULES, CRONS, DAYS)
KINDS_OF_TIMES: Final = st.one_of(ON_WALLS, ELAPSED)


def schedule(value: dict[str, Any]) -> Any:
    read = value_of(value)
    return KINDS[read.kind](read, "task_1")


@given(
    steps=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    phases=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    walls=st.tuples(st.integers(-50, 200), st.integers(-50, 200)),
    ends=st.tuples(st.integers(0, 2000), st.integers(0, 2000)),
)
def test_common_times_are_those_of_both_ranges(steps: Any, phases: Any, walls: Any, ends: Any) -> None:
    one, other = (even(*each) for each in zip(steps, phases, walls, ends, strict=True))
    assert list(in_both(one, other)) == sorted(set(one) & set(other))
    assert in_both(one, other).stop == min(ends)


@given(
    members=st.tuples(KINDS_OF_TIMES, KINDS_OF_TIMES),
    begin=st.sampled_from(AROUND),
    shift=st.integers(-DAY, DAY),
    length=st.integers(1, DAY // 3),
)
def test_intersections_have_the_times_that_all_have(
    members: tuple[dict[str, Any], dict[str, Any]], begin: int, shift: int, length: int
) -> None:
    one, other = (Moments(schedule(member)) for member in members)
    start, end = begin + shift, begin + shift + length
    met = Intersection(one, other)
    wanted = sorted(set(one.listed(start, end, DAY)) & set(other.listed(start, end, DAY)))
    assert met.listed(start, end, DAY) == wanted
    assert met.count(start, end) == len(wanted)
    assert not wanted or met.at_or_after(start) == wanted[0]


@given(
    members=st.tuples(ON_WALLS, ON_WALLS),
    start=st.integers(0, 4 * DAY).map(lambda shift: AROUND[0] + shift),
    length=st.integers(1, DAY // 3),
)
def test_intersections_of_walls_have_the_common_ones(
    members: tuple[dict[str, Any], dict[str, Any]], start: int, length: int
) -> None:
    one, other = (schedule(member).zoned.walls for member in members)
    wanted = sorted(set(one.listed(start, start + length, DAY)) & set(other.listed(start, start + length, DAY)))
    met = Intersection(one, other)
    assert met.listed(start, start + length, DAY) == wanted
    assert met.count(start, start + length) == len(wanted)
    assert not wanted or met.at_or_after(start) == wanted[0]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_a_year_of_seldom_meetings_takes_few_steps(zone: str) -> None:
    members = [_rule("SECONDLY", 59, zone, ""), _rule("SECONDLY", 61, "UTC", "")]
    met = schedule({"kind": "all_of", "schedules": members})
    start_ms = AROUND[2] * 1000
    with at_most(10):
        found = met.count(start_ms, start_ms + 365 * DAY * 1000)
    assert found in range(8755, 8765)


def test_rules_that_never_meet_are_found_to_end() -> None:
    members = [{"kind": "every", "every": "60s"}, {"kind": "every", "every": "90s", "phase": "20s"}]
    met = schedule({"kind": "all_of", "schedules": members})
    with at_most(10):
        assert met.next_after(AROUND[2] * 1000) is None
