"""Calendar events mean what systemd says that they mean; time spans are read as it reads them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from remembrancer.model.plain_schedules import Once
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.schedules.importers.entries import Refused
from remembrancer.schedules.importers.systemd_times import SHORTHANDS, read_calendar, read_span
from remembrancer.schedules.kinds import KINDS
from remembrancer.schedules.parsing import read_moment

if TYPE_CHECKING:
    from collections.abc import Sequence

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="THE CALENDAR EVENTS ARE NOT COMPARED WITH SYSTEMD: there is no systemd-analyze here",
)
START = datetime(2027, 2, 26, 11, 59, 30, tzinfo=UTC)
LISTED = 8


def ours(text: str, zone: str, after: datetime, count: int = LISTED) -> list[datetime]:
    value = read_calendar(text, zone).schedule()
    if isinstance(value, Once):  # its text is read when it is asked for
        value = Once(read_moment(value.at, "at", now=after, timezone=value.timezone))
    schedule = KINDS[value.kind](value, "task")
    fires: list[datetime] = []
    at: int | None = to_ms(after)
    while len(fires) < count and (at := schedule.next_after(at)) is not None:
        fires.append(from_ms(at))
    return fires


def theirs(texts: Sequence[str], zone: str, after: datetime) -> list[list[datetime] | None]:
    """Return the next times of each text by systemd; None for one that it refuses."""
    base = f"{after:%Y-%m-%d %H:%M:%S} UTC"
    command = ["systemd-analyze", "calendar", f"--base-time={base}", f"--iterations={LISTED}"]
    surroundings = {**os.environ, "TZ": zone, "LC_ALL": "C.UTF-8"}
    found: list[list[datetime] | None] = []
    for text in texts:
        ran = subprocess.run(
            [*command, text], capture_output=True, text=True, env=surroundings, check=False, timeout=60
        )
        told = re.findall(r"(?:\(in UTC\)|Next elapse|Iter\. #\d+): \w{3} (\S+ \S+) UTC", ran.stdout)
        times = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in told]
        found.append(None if ran.returncode else list(dict.fromkeys(times)))
    return found


def both(text: str, zone: str, after: datetime) -> None:
    (expected,) = theirs([text], zone, after)
    assert expected is not None, text
    assert ours(text, zone, after)[: len(expected)] == expected, text


EVENTS = (
    *("Mon..Fri 02:30", "*-*-01 00:00", "*-*-1,15 9,17:00/20", "*-02~03 05:40:20", "*-*~1..3 12:00", "Mon *-*~07/1"),
    *("Sat,Sun 12:00:30", "2027..2030-1-1", "2028-02-29", "10-15", "Monday", "03:05", "*:0/15", "8..18/2:00"),
    *("Mon,Wed..Fri *-05..09-1..7 18:00", "*-1/3-1 00:00", "2027-03-01 10:00:00", "@1900000000", "Mon-Fri", "27-3-1"),
    *("Fri *-*-13 00:00", "*:*:0/20", "*-*-* *:*:*", "minutely", "2027,2029-*-1 0:0"),
)
REFUSED = ("*:*/15", "*-*-*/2", "Sat..Mon", "12", "*-*-32", "25:00", "", "* * *", "Mon Mon", "3:5:7:9", "daily daily")


@needs_systemd
@pytest.mark.parametrize("text", [*EVENTS, *SHORTHANDS])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_a_calendar_event_fires_when_systemd_says(text: str, zone: str) -> None:
    both(text, zone, START)


@needs_systemd
@pytest.mark.parametrize("text", REFUSED)
def test_an_event_that_systemd_refuses_is_refused(text: str) -> None:
    assert theirs([text], "UTC", START) == [None]
    with pytest.raises(Refused):
        read_calendar(text, "UTC")


@needs_systemd
@pytest.mark.parametrize("text", ["*-*-* 02:30", "Sun 02:15:10", "Sat,Sun 01:59,03:00"])
@pytest.mark.parametrize("after", [datetime(2027, 3, 27, 12, tzinfo=UTC), datetime(2027, 10, 30, 12, tzinfo=UTC)])
def test_fixed_times_follow_clock_changes_as_systemd_does(text: str, after: datetime) -> None:
    both(text, "Europe/Berlin", after)


@needs_systemd
def test_an_event_with_a_zone_means_that_zone() -> None:
    for text in ("Mon 09:00 America/New_York", "daily UTC", "*-*-* 00:30 Asia/Tokyo", "Mon UTC"):
        both(text, "Europe/Berlin", START)
    with pytest.raises(Refused, match="neither a zone"):
        read_calendar("09:00 Mars/Base", "UTC")


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    one = st.integers(low, high)
    span = st.tuples(one, one).map(lambda pair: f"{min(pair)}..{max(pair)}")
    step = st.tuples(st.integers(low, high - 1), st.integers(1, 5)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    return st.one_of(st.just("*"), st.lists(st.one_of(one.map(str), span, step), min_size=1, max_size=3).map(",".join))


DAYS = st.lists(
    st.sampled_from(["Mon", "Tue..Thu", "Fri", "sunday", "Sat..Sun", "Mon..Fri"]), min_size=1, max_size=2
).map(",".join)
WRITTEN = st.builds(
    lambda days, month, mark, day, hour, minute: f"{days} *-{month}{mark}{day} {hour}:{minute}".strip(),
    st.one_of(st.just(""), DAYS),
    numbers(1, 12),
    st.sampled_from("---~"),
    numbers(1, 28),
    numbers(0, 23),
    numbers(0, 59),
)


@needs_systemd
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=WRITTEN)
def test_any_event_fires_when_systemd_says(text: str) -> None:
    (expected,) = theirs([text], "UTC", START)
    assume(expected is not None)  # systemd refuses a step that passes the end, as 55/5 does
    assert ours(text, "UTC", START)[: len(expected or ())] == expected, text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1h 30min", 5400), ("2days", 172_800), ("1w 1d", 691_200), ("500ms 500ms", 1), ("1.5h", 5400)],
)
def test_a_time_span_is_read_in_seconds(text: str, seconds: int) -> None:
    assert read_span(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "100ms", "infinity", "-5s"])
def test_a_span_without_whole_seconds_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        read_span(text)
