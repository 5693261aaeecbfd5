"""iCalendar texts as calendars: what their events are, and hostile ones within a bound of processor time."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings, strategies as st

from remembrancer import NamedCalendar, TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.operations.calendars.event_windows import windows_of_events
from remembrancer.operations.calendars.ical_events import read_events
from remembrancer.schedules.calendars.entries import entry_text, normal_windows
from remembrancer.schedules.walls.day_sets import day_of
from remembrancer.schedules.walls.wall_set import DAY
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

YEAR = (datetime(2026, 1, 1), datetime(2026, 12, 31, 23))  # noqa: DTZ001 (wall times)
ADDED = (("03T12:00", "03T13:00"),)
FIXED = settings(derandomize=True, database=None, max_examples=60, deadline=None)


def calendar(*events: str, head: str = "") -> str:
    body = "".join(f"BEGIN:VEVENT\nUID:{number}\n{event}\nEND:VEVENT\n" for number, event in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{head}{body}END:VCALENDAR\n".replace("\n", "\r\n")


def entries(text: str, zone: str = "Europe/Berlin", year: int = 2026, years: int = 1) -> list[str]:
    events, named, _ = read_events(text)
    windows = windows_of_events(events, named or zone, day_of(year) * DAY, day_of(year + years) * DAY)
    return [entry_text(each) for each in normal_windows(windows)]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227", ["2026-12-24", "2026-12-25", "2026-12-26"]),
        ("DTSTART;VALUE=DATE:20261224", ["2026-12-24"]),
        ("DTSTART;TZID=Europe/Berlin:20261201T180000\nDURATION:PT2H", ["2026-12-01T18:00/2026-12-01T20:00"]),
        ("DTSTART:20261201T180000Z\nDTEND:20261201T190000Z", ["2026-12-01T19:00/2026-12-01T20:00"]),
        ("DTSTART:20261201T180000\nDTEND:20261201T190000", ["2026-12-01T18:00/2026-12-01T19:00"]),
        (
            "DTSTART;TZID=America/New_York:20260301T090000\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;COUNT=2",
            ["2026-03-01T15:00/2026-03-01T16:00", "2026-04-01T15:00/2026-04-01T16:00"],
        ),
        (
            "DTSTART;TZID=America/New_York:20260322T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=2",
            ["2026-03-22T14:00/2026-03-22T15:00", "2026-03-29T15:00/2026-03-29T16:00"],
        ),
        (
            "DTSTART;VALUE=DATE:20261101\nRRULE:FREQ=WEEKLY;UNTIL=20261122\nEXDATE;VALUE=DATE:20261108",
            ["2026-11-01", "2026-11-15", "2026-11-22"],
        ),
        (
            "DTSTART:20261101T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;UNTIL=20261108\nRDATE:20261103T120000",
            [
                "2026-11-01T09:00/2026-11-01T10:00",
                "2026-11-03T12:00/2026-11-03T13:00",
                "2026-11-08T09:00/2026-11-08T10:00",
            ],
        ),
        ("DTSTART;VALUE=DATE:20261224\nSTATUS:CANCELLED", []),
        ("DTSTART;VALUE=DATE:20241224", []),
        ("DTSTART;VALUE=DATE:20001224\nRRULE:FREQ=YEARLY", ["2026-12-24"]),
        ("DTSTART;VALUE=DATE:20260229\nRRULE:FREQ=YEARLY", None),
    ],
)
def test_an_event_is_its_days_and_windows(event: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(InvalidInput):
            entries(calendar(event))
    else:
        assert entries(calendar(event)) == expected


def test_one_occurrence_may_be_moved_or_cancelled() -> None:
    text = calendar("DTSTART:20261201T180000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=4").replace(
        "END:VCALENDAR",
        "BEGIN:VEVENT\r\nUID:0\r\nRECURRENCE-ID:20261208T180000\r\nDTSTART:20261209T080000\r\nDURATION:PT1H\r\n"
        "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:0\r\nRECURRENCE-ID:20261215T180000\r\nDTSTART:20261215T180000\r\n"
        "STATUS:CANCELLED\r\nEND:VEVENT\r\nEND:VCALENDAR",
    )
    assert [each[:13] for each in entries(text)] == ["2026-12-01T18", "2026-12-09T08", "2026-12-22T18"]


def test_a_folded_text_with_prose_and_alarms_is_read() -> None:
    event = (
        "SUMMARY:A long\n  name\nDESCRIPTION:BEGIN:VEVENT\\nDTSTART:1\nDTSTART;VALUE=DATE:2026\n 1224\n"
        "BEGIN:VALARM\nTRIGGER:-PT15M\nDURATION:PT5M\nEND:VALARM"
    )
    assert entries(calendar(event)) == ["2026-12-24"]


def test_the_zone_of_a_text_is_that_of_its_days() -> None:
    text = calendar("DTSTART:20261201T180000Z\nDURATION:PT1H", head="X-WR-TIMEZONE:Asia/Tokyo\n")
    assert entries(text) == ["2026-12-02T03:00/2026-12-02T04:00"]


@given(
    freq=st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    interval=st.integers(1, 5),
    day=st.integers(1, 28),
    month=st.integers(1, 12),
    count=st.none() | st.integers(1, 40),
)
@FIXED
def test_recurring_events_are_those_of_dateutil(
    freq: str, interval: int, day: int, month: int, count: int | None
) -> None:
    rule = f"FREQ={freq};INTERVAL={interval}" + ("" if count is None else f";COUNT={count}")
    begin = datetime(2025, month, day, 9, 30)  # noqa: DTZ001 (a wall time)
    event = f"DTSTART:{begin:%Y%m%dT%H%M%S}\nDURATION:PT1H\nRRULE:{rule}"
    with processor_time(5):
        oracle = rrulestr(f"RRULE:{rule}", dtstart=begin).between(*YEAR, inc=True)

    assert [each[:16] for each in entries(calendar(event))] == [f"{each:%Y-%m-%dT%H:%M}" for each in oracle]


class processor_time:  # noqa: N801 (it reads as a word)
    """A bound on the processor time of a block."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        signal.signal(signal.SIGPROF, self._over)
        signal.setitimer(signal.ITIMER_PROF, self.seconds)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _over(self, *_: Any) -> None:
        raise TimeoutError(self.seconds)


ONE_DAY = "DTSTART;VALUE=DATE:20261224"
HOSTILE = {
    "five megabytes": lambda: "BEGIN:VCALENDAR\r\n" + "X" * 5_000_001,
    "many events": lambda: calendar(*[ONE_DAY] * 2_001),
    "secondly": lambda: calendar("DTSTART:20261224T000000\nRRULE:FREQ=SECONDLY"),
    "minutely": lambda: calendar("DTSTART:19700101T000000\nRRULE:FREQ=MINUTELY"),
    "no interval": lambda: calendar("DTSTART:20261224T000000\nRRULE:FREQ=DAILY;INTERVAL=0"),
    "a count bomb": lambda: calendar("DTSTART:20261224T000000\nRRULE:FREQ=HOURLY;COUNT=999999999999"),
    "too many days": lambda: calendar("DTSTART:20260101T000000\nRRULE:FREQ=HOURLY"),
    "no such day": lambda: calendar("DTSTART:20260228T000000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31"),
    "a long event": lambda: calendar("DTSTART:20260101T000000\nDTEND:20990101T000000"),
    "a day and a time": lambda: calendar("DTSTART;VALUE=DATE:20260101\nDTEND:20260102T000000"),
    "no start": lambda: calendar("SUMMARY:x"),
    "no calendar": lambda: "nonsense",
    "nothing": lambda: "",
    "an open end": lambda: "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260101\r\n",
    "a zone of its own": lambda: calendar("DTSTART;TZID=Nowhere/Town:20260101T000000\nRRULE:FREQ=DAILY"),
    "added bombs": lambda: calendar(ONE_DAY + "\nRDATE;VALUE=DATE:" + ",".join(["20261225"] * 60_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_refused_in_little_processor_time(name: str) -> None:
    read_events(calendar(ONE_DAY))  # the library is loaded
    text = HOSTILE[name]()
    begun = time.process_time()
    with processor_time(2), pytest.raises(InvalidInput) as refused:
        entries(text)
    assert refused.value.field == "ics"
    assert len(str(refused.value)) < 1_000
    assert time.process_time() - begun < 1


@pytest.fixture
def year() -> VirtualClock:
    return VirtualClock(datetime(2026, 3, 2, 9, tzinfo=UTC))


async def test_a_calendar_of_a_text_is_renewed_with_another(tmp_path: Path, year: VirtualClock) -> None:
    async with TaskSchedulerService(tmp_path / "graph", year) as service:
        made = await service.define_calendar("team", ics=calendar(ONE_DAY), years=1)
        with pytest.raises(InvalidInput) as refused:
            await service.renew_calendar("team")
        renewal = await service.renew_calendar("team", ics=calendar("DTSTART;VALUE=DATE:20261231"))

    assert isinstance(made, NamedCalendar)
    assert (made.dates, made.library is not None) == (["2026-12-24"], True)
    assert refused.value.field == "ics"
    assert (renewal.added, renewal.removed) == (["2026-12-31"], ["2026-12-24"])
