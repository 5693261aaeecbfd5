"""Exports say what the graph says: a calendar by the grammar of RFC 5545, and a crontab that is read back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from remembrancer import Bounded, Cron, Defer, Every, Failed, InvalidInput, RRule, TaskSchedulerService
from remembrancer.operations.exports.calendar_text import folded, text_value
from remembrancer.schedules.importers.crontab import judged
from remembrancer.schedules.importers.crontab_jobs import crontab_entries
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from remembrancer import Firing

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
LINE = re.compile(r"[A-Z][A-Z-]*(?:;[A-Z-]+=(?:\"[^\"]*\"|[^\";:,]*))*:[^\x00-\x08\x0b-\x1f\x7f]*")
TEXT = re.compile(r"(?:[^\\,;\n]|\\[\\,;n])*")


def unfolded(text: str) -> list[str]:
    """Return the content lines of a calendar, each held against the grammar."""
    assert text.endswith("\r\n")
    physical = text[:-2].split("\r\n")
    assert all(len(line.encode()) <= 75 and "\r" not in line and "\n" not in line for line in physical)
    lines = text[:-2].replace("\r\n ", "").split("\r\n")
    assert all(LINE.fullmatch(line) for line in lines), [line for line in lines if not LINE.fullmatch(line)]
    return lines


def plain(value: str) -> str:
    """Return the text that a value means."""
    assert TEXT.fullmatch(value), value
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], value)


def events(text: str) -> list[dict[str, str]]:
    """Return the events of a calendar, as a reader of its own reads them."""
    lines = unfolded(text)
    assert (lines[0], lines[1], lines[-1]) == ("BEGIN:VCALENDAR", "VERSION:2.0", "END:VCALENDAR")
    assert sum(line.startswith("PRODID:") for line in lines) == 1
    found: list[dict[str, str]] = []
    for line in lines[lines.index("BEGIN:VEVENT") :] if "BEGIN:VEVENT" in lines else ():
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            found.append({})
        elif name in {"SUMMARY", "DESCRIPTION", "CATEGORIES"}:
            found[-1][name] = plain(value)
        elif not line.startswith("END:"):
            assert name not in found[-1]
            found[-1][name] = value
    for event in found:
        assert {"UID", "DTSTAMP", "DTSTART"} <= event.keys()
        assert all(re.fullmatch(r"\d{8}T\d{6}Z", event[name]) for name in ("DTSTAMP", "DTSTART"))
        assert event.get("DTEND", "A") > event["DTSTART"]
        assert event["STATUS"] in {"CONFIRMED", "CANCELLED", "TENTATIVE"}
    assert len({event["UID"] for event in found}) == len(found)
    return found


async def add(service: TaskSchedulerService, name: str, schedule: Any, **fields: Any) -> str:
    return (await service.schedule_task(name, "goal", "prompt", "thought", schedule=schedule, **fields)).task_id


@pytest.fixture
async def desk() -> Any:
    def handle(firing: Firing) -> object:
        match firing.task.name:
            case "Fails":
                return Failed("no, really; it\nfailed, \\ see")
            case "Defers":
                return Defer(firing.execution.nominal_at + timedelta(hours=30), "later")
            case _:
                return "done"

    clock = VirtualClock(NOW)
    async with ManualScheduler(TaskSchedulerService(":memory:", clock, handler=handle), clock) as scheduler:
        yield scheduler


async def test_a_calendar_has_an_event_for_each_fire(desk: ManualScheduler) -> None:
    service = desk.service
    await add(service, "Daily, at nine; or so", Cron("0 9 * * *", "Europe/Berlin"))
    await add(service, "Once", {"kind": "once", "at": "2027-03-03T10:00:00Z"})
    paused = await add(service, "Paused", Cron("0 10 * * *"))
    await service.pause_task(paused)
    found = events(await service.export_calendar(until=NOW + timedelta(days=3)))

    assert [(event["SUMMARY"], event["DTSTART"]) for event in found] == [
        ("Daily, at nine; or so", "20270302T080000Z"),
        ("Daily, at nine; or so", "20270303T080000Z"),
        ("Once", "20270303T100000Z"),
        ("Daily, at nine; or so", "20270304T080000Z"),
    ]
    assert events(await service.export_calendar(until=NOW + timedelta(days=3))) == found


async def test_what_happened_takes_the_place_of_what_came(desk: ManualScheduler) -> None:
    service = desk.service
    await add(service, "Fails", Cron("0 13 * * *"))
    await add(service, "Defers", Cron("0 14 1 * *"))
    announced = events(await service.export_calendar(until=NOW + timedelta(hours=4)))
    for _ in range(4):
        await desk.tick(timedelta(hours=1))
    happened = events(await service.export_calendar(NOW, NOW + timedelta(days=2), history=True))
    by_uid = {event["UID"]: event for event in happened}

    assert all(event["UID"] in by_uid for event in announced)
    (failed,) = [event for event in happened if event.get("CATEGORIES") == "failed"]
    assert failed["SUMMARY"] == "Fails (failed)"
    assert "Reason: no, really; it\nfailed, \\ see" in failed["DESCRIPTION"]
    (deferred,) = [event for event in happened if event.get("CATEGORIES") == "deferred"]
    assert deferred["STATUS"] == "CANCELLED"
    assert ("Defers", "20270302T200000Z") in [(event["SUMMARY"], event["DTSTART"]) for event in happened]


async def test_occurrences_of_one_second_are_events_of_their_own(desk: ManualScheduler) -> None:
    task_id = await add(desk.service, "Water", Every("1d"))
    for _ in range(3):
        await desk.service.add_fire(task_id)
    for _ in range(3):
        await desk.tick(timedelta(seconds=1))
    happened = await desk.service.history(task_id)
    found = [
        each
        for each in events(await desk.service.export_calendar(NOW - timedelta(minutes=1), history=True))
        if "CATEGORIES" in each
    ]
    assert len(happened) == 3
    assert len({each["UID"] for each in found}) == len(found) == 3


async def test_what_happened_has_the_names_of_ended_tasks(desk: ManualScheduler) -> None:
    service = desk.service
    for name in ("Once", "Other"):
        await add(service, name, {"kind": "once", "at": "2027-03-01T13:00:00Z"})
    await desk.tick(timedelta(hours=2))
    happened = events(await service.export_calendar(NOW, NOW + timedelta(days=1), history=True))

    assert await service.get_scheduled_tasks() == []
    assert {event["SUMMARY"] for event in happened} == {"Once (completed)", "Other (completed)"}


async def test_a_calendar_is_bounded_and_says_so(desk: ManualScheduler) -> None:
    await add(desk.service, "Often", Every("1m"))
    text = await desk.service.export_calendar()

    assert len(events(text)) == 5000
    assert "X-WR-CALDESC:The first 5\\,000 fires\\, up to 20270304T232000Z\\; more follow." in unfolded(text)


@pytest.mark.parametrize("until", [NOW - timedelta(days=1), NOW + timedelta(days=5000), "soon"])
async def test_a_span_that_is_none_is_refused(desk: ManualScheduler, until: Any) -> None:
    with pytest.raises(InvalidInput):
        await desk.service.export_calendar(until=until)


async def test_the_icalendar_package_reads_the_same_events(desk: ManualScheduler) -> None:
    icalendar = pytest.importorskip("icalendar", reason="THE CALENDAR IS NOT READ BY THE PACKAGE ICALENDAR HERE")
    await add(desk.service, "Daily; at, nine \\ \u00e9\u00e9\u00e9" * 5, Cron("0 9 * * *"))
    text = await desk.service.export_calendar(until=NOW + timedelta(days=3))
    read = icalendar.Calendar.from_ical(text)

    assert [str(event["SUMMARY"]) for event in read.walk("VEVENT")] == [event["SUMMARY"] for event in events(text)]
    assert [event["DTSTART"].dt for event in read.walk("VEVENT")] == [
        NOW + timedelta(hours=21 + 24 * n) for n in range(3)
    ]


@given(st.text())
def test_any_text_is_escaped_and_folded_by_the_grammar(text: str) -> None:
    lines = unfolded(f"{folded(f'SUMMARY:{text_value(text)}')}\r\n")
    kept = re.sub("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", "", re.sub("\r\n?", "\n", text))

    assert len(lines) == 1
    assert plain(lines[0].removeprefix("SUMMARY:")) == kept


COMMANDS = (
    ("0 9 * * 1-5", {"command": "echo 100% of it", "shell": True, "stdin": "a\n50% b\nc"}),
    ("*/15 * * * *", {"command": "x % y", "shell": True}),
    ("@daily", {"command": ["printf", "%s\n", "a b"]}),
    ("5 4 1,15 * sun", {"command": "true", "shell": True, "environment": {"A": "1", "B": " 2 "}}),
    ("6 4 * * *", {"command": ["true"], "cwd": "/srv/my data"}),
    ("7 4 * * *", {"command": "true", "shell": True, "environment": {"A": "1"}}),
)


async def test_a_crontab_is_read_back_as_it_was(desk: ManualScheduler) -> None:
    for place, (expression, context) in enumerate(COMMANDS):
        await add(desk.service, f"n{place}", Cron(expression, "Asia/Tokyo" if place % 2 else "UTC"), context=context)
    text = await desk.service.export_crontab()
    read = crontab_entries(text, judged(text, system=False), "UTC")
    jobs = {str(each.request.schedule): each.request for each in read if each.request}
    first = jobs["0 9 * * 1-5"].context or {}

    assert not [each for each in read if each.is_task and each.request is None]
    assert sorted(jobs) == sorted(
        [
            "0 9 * * 1-5",
            "*/15 * * * * (Asia/Tokyo)",
            "5 4 1,15 * sun (Asia/Tokyo)",
            "6 4 * * *",
            "7 4 * * * (Asia/Tokyo)",
        ]
    )
    assert (first["command"], first["stdin"]) == ("echo 100% of it", "a\n50% b\nc")
    assert (jobs["6 4 * * *"].context or {})["command"] == "cd '/srv/my data' && true"
    assert "n2" in text.split("# not in cron: ")[1]
    environment = (jobs["5 4 1,15 * sun (Asia/Tokyo)"].context or {})["environment"]
    assert environment == {"A": "1", "B": " 2 ", "CRON_TZ": "Asia/Tokyo"}


@pytest.mark.parametrize(
    ("schedule", "context", "reason"),
    [
        (Cron("0 9 L * *"), {"command": ["true"]}, "cron knows no L"),
        (Cron("H 9 * * *"), {"command": ["true"]}, "cron knows no H"),
        (Cron("0 0 9 * * *", seconds_field="first"), {"command": ["true"]}, "has seconds"),
        (RRule("FREQ=DAILY;BYHOUR=9;BYMINUTE=0;BYSECOND=0"), {"command": ["true"]}, "of kind rrule"),
        (Bounded(Cron("0 9 * * *"), end="2030-01-01"), {"command": ["true"]}, "of kind bounded"),
        (Every("7m"), {"command": ["true"]}, "divides neither"),
        (Every("1d"), {"command": ["true"]}, "counted in days"),
        (Cron("0 9 * * *"), None, "no command"),
        (Cron("0 9 * * *"), {"command": "true"}, "cannot be run"),
        (Cron("0 9 * * *"), {"command": "a\nb", "shell": True}, "cannot be written"),
        (Cron("0 9 * * *"), {"command": ["true"], "user": "ada"}, "for the user ada"),
        ({"kind": "once", "at": "2027-06-01T00:00Z"}, {"command": ["true"]}, "fires once"),
    ],
)
async def test_a_task_that_cron_cannot_do_is_a_comment(
    desk: ManualScheduler, schedule: Any, context: Any, reason: str
) -> None:
    await add(desk.service, "Never in cron\\n", schedule, context=context)
    first, *lines = (await desk.service.export_crontab()).splitlines()

    assert first == "# Tasks of Remembrancer: 0 jobs, 1 that cron cannot do."
    assert len(lines) == 1
    assert lines[0].startswith("# not in cron: Never in cron")
    assert reason in lines[0]


@pytest.mark.parametrize(
    ("every", "line"),
    [("15m", "*/15 * * * *"), ("1m", "* * * * *"), ("1h", "0 * * * *"), ("6h", "0 */6 * * *"), ("24h", "0 12 * * *")],
)
async def test_an_interval_that_divides_a_day_is_a_line(desk: ManualScheduler, every: str, line: str) -> None:
    await add(desk.service, "Often", Every(every), context={"command": ["true"]})
    lines = (await desk.service.export_crontab()).splitlines()

    assert f"{line} true" in lines
    assert "CRON_TZ=UTC" in lines


async def test_the_systems_crontab_names_the_user(desk: ManualScheduler) -> None:
    await add(desk.service, "Hers", Cron("0 9 * * *"), context={"command": ["true"], "user": "ada"})
    await add(desk.service, "No one's", Cron("0 9 * * *"), context={"command": ["true"]})
    lines = (await desk.service.export_crontab(system=True)).splitlines()

    assert "0 9 * * * ada true" in lines
    assert "names no user" in lines[-1]


async def test_a_setting_of_one_task_reaches_no_other(desk: ManualScheduler) -> None:
    for name in ("A", "B"):
        context = {"command": ["true"], "environment": {name: "1"}}
        await add(desk.service, name, Cron("0 9 * * *"), context=context)
    text = await desk.service.export_crontab()

    assert text.count("\n0 9 * * * true") == 1
    assert "A, set for another task, would reach it" in text


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(command=st.text(min_size=1, max_size=40), stdin=st.one_of(st.none(), st.text(max_size=40)))
async def test_any_command_is_read_back_or_left_out(command: str, stdin: str | None) -> None:
    from remembrancer.model.request import ScheduleRequest
    from remembrancer.operations.exports.crontab import crontab_of
    from remembrancer.operations.validation import validate

    context = {"command": command, "shell": True, "stdin": stdin}
    request = ScheduleRequest("n", "g", "p", "t", schedule=Cron("0 9 * * *"), context=context)
    try:
        task = validate(request, NOW, 0.0, {})
    except InvalidInput:
        return
    text = crontab_of([task], NOW, system=False)
    jobs = [each.request for each in crontab_entries(text, judged(text, system=False), "UTC") if each.request]

    if "0 jobs" not in text:
        (job,) = jobs
        read = job.context or {}
        assert (read["command"], read.get("stdin")) == (command, stdin or None)
    else:
        assert jobs == []
