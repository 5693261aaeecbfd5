"""Entries of other systems become tasks that fire when they did there, or are refused; none of their code runs."""

from __future__ import annotations

import json
import pickle
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.combining import AndTrigger, OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from remembrancer.errors import InvalidInput
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.operations.validation import validate
from remembrancer.schedules.importers.apscheduler import job_entry
from remembrancer.schedules.importers.apscheduler_state import read_state
from remembrancer.schedules.importers.celery_settings import beat_entries
from remembrancer.schedules.importers.claude_code import scheduled_tasks
from remembrancer.schedules.importers.entries import Refused
from remembrancer.schedules.importers.systemd import UnitFile, timer_entry
from remembrancer.schedules.importers.systemd_units import read_service, read_unit
from remembrancer.schedules.kinds import schedule_of

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer.schedules.importers.entries import Entry

NOW = datetime(2027, 2, 26, 11, 59, 30, tzinfo=UTC)


def fires(entry: Entry, count: int = 6, after: datetime = NOW) -> list[datetime]:
    assert entry.request is not None, entry.reason
    schedule = schedule_of(validate(entry.request, after, 0.0, {}))
    found: list[datetime] = []
    at: int | None = to_ms(after)
    while len(found) < count and (at := schedule.next_after(at)) is not None:
        found.append(from_ms(at))
    return found


def work(*_: Any, **__: Any) -> None:
    """Stand for a job."""


class Evil:
    """An object that runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return (print, ("unpickled",))


CRON: list[dict[str, Any]] = [
    {"day_of_week": "0-4", "hour": 9},
    {"day_of_week": "mon,sun", "hour": "*/5", "minute": "10-30/7"},
    {"day": "last", "hour": 12, "second": "*/20"},
    {"day": "1st mon, last fri", "hour": 7},
    {"day": "2nd tue, 15", "hour": 7},
    {"month": "jan-mar,10", "day": "*/9"},
    {"day": "13", "day_of_week": "fri"},
    {"year": "2027-2029", "month": 3, "day": 1},
]


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float | None, bytes]]:
    """Rows that APScheduler itself has written."""
    file = tmp_path_factory.mktemp("aps") / "jobs.sqlite"
    store = SQLAlchemyJobStore(url=f"sqlite:///{file}")
    scheduler = BackgroundScheduler(jobstores={"default": store}, timezone="UTC")
    scheduler.start(paused=True)
    for place, fields in enumerate(CRON):
        scheduler.add_job(work, "cron", id=f"cron{place}", **fields)
    many = {"args": [1, (2, 3)], "kwargs": {"to": "ada"}, "coalesce": False, "max_instances": 3}
    scheduler.add_job(work, "interval", minutes=10, id="interval", jitter=30, misfire_grace_time=90, **many)
    scheduler.add_job(work, "date", run_date="2027-06-01 09:00:00", timezone="Europe/Berlin", id="date")
    scheduler.add_job(work, OrTrigger([CronTrigger(hour=1), IntervalTrigger(hours=5)]), id="or")
    scheduler.add_job(work, AndTrigger([CronTrigger(hour=1), CronTrigger(hour=1)]), id="and")
    scheduler.add_job(work, "interval", hours=1, id="paused").pause()
    scheduler.add_job(work, "interval", hours=1, id="odd", args=[Evil()])
    scheduler.shutdown()
    store.engine.dispose()
    with sqlite3.connect(file) as database:
        rows = database.execute("SELECT id, next_run_time, job_state FROM apscheduler_jobs").fetchall()
    database.close()
    return {str(name): (at, state) for name, at, state in rows}


@pytest.mark.parametrize("place", range(len(CRON)))
def test_a_cron_job_of_apscheduler_fires_as_there(place: int, jobs: dict[str, Any]) -> None:
    trigger = CronTrigger(timezone="UTC", **CRON[place])
    expected: list[datetime] = []
    last, at = None, NOW
    while len(expected) < 6 and (last := trigger.get_next_fire_time(last, at)):
        expected.append(last)
        at = last + timedelta(microseconds=1)

    assert fires(job_entry(f"cron{place}", *jobs[f"cron{place}"])) == expected


def test_a_job_keeps_its_call_and_its_policies(jobs: dict[str, Any]) -> None:
    entry = job_entry("interval", *jobs["interval"])
    request = entry.request

    assert request is not None
    assert request.context == {
        "func": "test_importers:work" if __name__ == "test_importers" else f"{__name__}:work",
        "args": [1, [2, 3]],
        "kwargs": {"to": "ada"},
        "job_id": "interval",
        "executor": "default",
    }
    assert (request.misfire, request.misfire_grace_seconds) == ("skip", 90.0)
    assert "jitter" in str(request.schedule)
    assert "do not overlap" in " ".join(entry.notes)


def test_a_date_and_an_or_trigger_are_read(jobs: dict[str, Any]) -> None:
    request = job_entry("date", *jobs["date"]).request

    assert request is not None
    assert validate(request, NOW, 0.0, {}).nominal_ms == to_ms(datetime(2027, 6, 1, 7, tzinfo=UTC))
    assert datetime(2027, 2, 27, 1, tzinfo=UTC) in fires(job_entry("or", *jobs["or"]), 12)


@pytest.mark.parametrize(("name", "reason"), [("and", "AndTrigger"), ("paused", "paused"), ("odd", "builtins.print")])
def test_a_job_that_cannot_be_read_is_refused(name: str, reason: str, jobs: dict[str, Any], capsys: Any) -> None:
    entry = job_entry(name, *jobs[name])

    assert entry.request is None
    assert reason in (entry.reason or "")
    assert "unpickled" not in capsys.readouterr().out


def nested() -> object:
    value: object = "x"
    for _ in range(40):
        value = [value, value]
    return value


HOSTILE = {
    "a call of os.system": b"cposix\nsystem\n(S'touch /tmp/never'\ntR.",
    "getattr on a module": b"cbuiltins\ngetattr\n(cdatetime\ndatetime\nS'now'\ntR.",
    "getattr on a stand-in": b"cbuiltins\ngetattr\n(capscheduler.triggers.cron\nCronTrigger\nS'__init__'\ntR.",
    "a state on a name": b"czoneinfo\nZoneInfo\n}S'x'\nI1\nsb.",
    "a state on a class": b"capscheduler.triggers.cron\nCronTrigger\n}S'x'\nI1\nsb.",
    "a zone outside": b"czoneinfo\nZoneInfo\n(S'../../etc/passwd'\ntR.",
    "a reference": b"Pabc\n.",
    "no pickle": b"hello",
    "nothing": b"",
    "another value": pickle.dumps([1, 2]),
    "a dotted name": b"\x80\x04\x8c\x08builtins\x8c\x10getattr.__call__\x93.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        read_state(HOSTILE[name])


def test_arguments_that_unfold_without_end_are_refused(jobs: dict[str, Any]) -> None:
    state = {**read_state(jobs["interval"][1]), "args": nested()}
    trigger = pickle.loads(jobs["interval"][1])["trigger"]
    entry = job_entry("x", 1.0, pickle.dumps({**state, "trigger": trigger}))

    assert "too many" in (entry.reason or "")


SETTINGS = """
import os
from celery.schedules import crontab, solar
from datetime import timedelta
raise SystemExit("it ran")
timezone = "Europe/Oslo"
app.conf.beat_schedule = {
    "often": {"task": "t.a", "schedule": 30.0, "args": (16, 16)},
    "monday": {"task": "t.b", "schedule": crontab(hour=7, minute=30, day_of_week=1)},
    "first sunday": {"task": "t.c", "schedule": crontab(0, 0, day_of_month="1-7", day_of_week="sun")},
    "sunset": {"task": "t.d", "schedule": solar("sunset", -37.8, 144.9)},
    "hours": {"task": "t.e", "schedule": timedelta(hours=2), "options": {"queue": "q"}},
    "computed": {"task": "t.f", "schedule": float(os.environ["X"])},
    os.name: {"task": "t.g", "schedule": 5},
    "wrong": {"task": "t.h", "schedule": crontab(hour=25)},
    "product": {"task": "t.i", "schedule": 60 * 60},
}
app.conf.beat_schedule["later"] = {"task": "t.j", "schedule": crontab(hour="22-2/2", minute=0)}
sender.add_periodic_task(10.0, test.s("hello"), name="add every 10")
"""


def test_settings_of_celery_are_read_and_not_run() -> None:
    entries, zone = beat_entries(SETTINGS, "celeryconfig.py", None)
    found = {entry.text.partition(":")[0]: entry for entry in entries}

    assert zone == "Europe/Oslo"
    assert [entry.place for entry in entries if entry.request] == [f"line {n}" for n in (8, 9, 10, 12, 16, 18)]
    assert {name for name, entry in found.items() if entry.request is None} == {
        *("sunset", "computed", "os.name", "wrong"),
        "sender.add_periodic_task(10.0, test.s('hello'), name='add every 10')",
    }
    assert all(entry.reason for entry in entries if entry.request is None)
    assert fires(found["monday"], 1) == [datetime(2027, 3, 1, 6, 30, tzinfo=UTC)]
    assert fires(found["first sunday"], 1) == [datetime(2027, 3, 6, 23, 0, tzinfo=UTC)]
    assert [fire.hour for fire in fires(found["later"], 3)] == [21, 23, 1]
    assert found["often"].request
    assert found["often"].request.context == {"celery_task": "t.a", "args": [16, 16]}


def test_a_beat_schedule_is_read_from_json_and_toml() -> None:
    held = {"x": {"task": "t", "schedule": {"minute": "*/15", "hour": "7-9"}}, "y": {"task": "t", "schedule": True}}
    entries, _ = beat_entries(json.dumps({"beat_schedule": held}), "beat.json", None)
    toml = '[x]\ntask = "t"\nschedule = {every = 2, period = "hours"}\n[z]\nno = 1\n'
    others, _ = beat_entries(toml, "beat.toml", "UTC")

    assert [fire.minute for fire in fires(entries[0], 4)] == [0, 15, 30, 45]
    assert entries[1].reason == "its schedule is a truth value"
    assert fires(others[0], 1) == [NOW + timedelta(hours=2)]
    assert others[1].reason == "it has no task, or no schedule"


@pytest.mark.parametrize("name", ["a.py", "a.json", "a.toml"])
@pytest.mark.parametrize("text", ["{", "x = 1", "(" * 5000])
def test_a_file_without_a_beat_schedule_is_refused(name: str, text: str) -> None:
    if name == "a.toml" and text == "x = 1":
        assert beat_entries(text, name, None)[0][0].request is None
        return
    with pytest.raises(InvalidInput):
        beat_entries(text, name, None)


DUMP: list[dict[str, Any]] = [
    {
        "model": "django_celery_beat.crontabschedule",
        "pk": 1,
        "fields": {"minute": "0", "hour": "9", "day_of_week": "1-5", "timezone": "Asia/Tokyo"},
    },
    {"model": "django_celery_beat.intervalschedule", "pk": 4, "fields": {"every": 2, "period": "days"}},
    {"model": "django_celery_beat.clockedschedule", "pk": 5, "fields": {"clocked_time": "2027-05-01T08:00:00Z"}},
    *(
        {
            "model": "django_celery_beat.periodictask",
            "pk": place,
            "fields": {"name": f"n{place}", "task": "t", "args": "[1]", "kwargs": "{}", "enabled": True, **fields},
        }
        for place, fields in enumerate(
            (
                {"crontab": 1, "queue": "q"},
                {"interval": 4, "one_off": True, "date_changed": "2027-02-26T10:00:00.123Z"},
                {"clocked": 5, "one_off": True},
                {"solar": 1},
                {"crontab": 9},
                {"crontab": 1, "enabled": False},
                {"interval": 4, "args": "[1"},
                {"crontab": 1, "expires": "2027-03-03T00:00:00Z"},
            )
        )
    ),
]


def test_a_dump_of_django_celery_beat_is_read_row_by_row() -> None:
    entries, _ = beat_entries(json.dumps(DUMP), "dump.json", None)

    assert [entry.request is not None for entry in entries] == [True, True, True, False, False, False, False, True]
    assert all(entry.reason for entry in entries if entry.request is None)
    assert fires(entries[0], 1) == [datetime(2027, 3, 1, 0, tzinfo=UTC)]
    assert len(fires(entries[1])) == 1
    assert fires(entries[7]) == [datetime(2027, 3, day, 0, tzinfo=UTC) for day in (1, 2)]


def test_tasks_of_claude_code_are_read_with_what_is_unknown() -> None:
    made = int(datetime(2027, 2, 1, tzinfo=UTC).timestamp() * 1000)
    tasks: list[object] = [
        {"id": "a", "cron": "3 9 * * 1-5", "prompt": "check", "createdAt": made, "recurring": True, "colour": "red"},
        {"id": "b", "cron": "30 14 28 3 *", "prompt": "remind", "createdAt": made, "recurring": False},
        {"id": "c", "cron": "bad", "prompt": "x"},
        {"id": "d", "cron": "0 9 * * *"},
        "text",
    ]
    entries = scheduled_tasks(json.dumps({"tasks": tasks}), "Europe/Berlin")

    assert [entry.request is not None for entry in entries] == [True, True, False, False, False]
    assert fires(entries[0], 1) == [datetime(2027, 3, 1, 8, 3, tzinfo=UTC)]
    assert fires(entries[1]) == [datetime(2027, 3, 28, 12, 30, tzinfo=UTC)]
    assert "colour is not understood, and is left out" in entries[0].notes
    with pytest.raises(InvalidInput):
        scheduled_tasks("{}", "UTC")


TIMER = "[Unit]\nDescription=Nightly\n[Timer]\nOnCalendar=Mon..Fri 02:30\nOnCalendar=*-*~1 23:00\nPersistent=true\n"
SERVICE = """
[Service]
Environment="DEST=/srv/my backups" LEVEL="3 4"
ExecStart=/usr/bin/backup --to ${DEST} --level $LEVEL \\
    100%% %n
User=ada
WorkingDirectory=/srv
TimeoutStartSec=10min
"""


def test_a_timer_becomes_a_task_with_its_services_command() -> None:
    entry = timer_entry(UnitFile("backup.timer", TIMER, {"backup.service": SERVICE}), "Europe/Berlin")

    assert entry.request is not None
    assert entry.request.context is not None
    assert entry.request.context["command"] == [
        *("/usr/bin/backup", "--to", "/srv/my backups", "--level", "3", "4", "100%", "backup.service"),
    ]
    assert (entry.request.context["cwd"], entry.request.context["user"]) == ("/srv", "ada")
    assert (entry.request.misfire, entry.request.timeout_seconds) == ("run_once", 600.0)
    assert fires(entry, 3) == [
        datetime(2027, 2, 28, 22, tzinfo=UTC),
        datetime(2027, 3, 1, 1, 30, tzinfo=UTC),
        datetime(2027, 3, 2, 1, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("timer", "reason"),
    [
        ("OnBootSec=15min", "names no time"),
        ("OnCalendar=sometimes", "no calendar event"),
        ("OnUnitInactiveSec=1h", "end of the last run"),
        ("OnUnitActiveSec=1h\nRandomizedDelaySec=soon", "no time span"),
        ("OnCalendar=daily\nOnCalendar=", "no OnCalendar="),
    ],
)
def test_a_timer_that_names_no_time_is_refused(timer: str, reason: str) -> None:
    entry = timer_entry(UnitFile("x.timer", f"[Timer]\n{timer}\n", {}), "UTC")

    assert entry.request is None
    assert reason in (entry.reason or "")


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("ExecStart=/bin/x %h", "%h in"),
        ("ExecStart=/bin/x $NOWHERE", "$NOWHERE is set nowhere"),
        ("ExecStart=@/bin/x y", "differs from its program"),
        ("ExecStart=/bin/x 'y", "quotes"),
        ("EnvironmentFile=/etc/x\nExecStart=/bin/x", "in another file"),
    ],
)
def test_a_command_that_only_systemd_knows_is_left_out(line: str, note: str) -> None:
    service = read_service(f"[Service]\n{line}\n", "x.service")

    assert "command" not in service.context
    assert note in " ".join(service.notes)


def test_a_timer_without_its_service_has_systemd_start_it() -> None:
    entry = timer_entry(UnitFile("x.timer", "[Timer]\nOnCalendar=daily\nUnit=y.service\n", {}), "UTC")

    assert entry.request is not None
    assert entry.request.context is not None
    assert entry.request.context["command"] == ["systemctl", "start", "y.service"]
    assert "y.service is not beside it" in " ".join(entry.notes)


def test_several_commands_of_a_service_run_one_after_another() -> None:
    service = read_service("[Service]\nExecStart=/bin/echo 'a b'\nExecStart=-/bin/true\n", "x.service")

    assert (service.context["command"], service.context["shell"]) == ("/bin/echo 'a b' && /bin/true", True)


def test_an_empty_setting_clears_those_before_it() -> None:
    unit = read_unit("[Timer]\nOnCalendar=daily\nOnCalendar=\nOnCalendar=weekly\n; no\n# no\n")

    assert unit == {"Timer": {"OnCalendar": ["weekly"]}}


def test_random_delays_become_jitter_or_spread() -> None:
    text = "[Timer]\nOnCalendar=daily\nRandomizedDelaySec=10min\n"
    drawn = timer_entry(UnitFile("x.timer", text, {}), "UTC").request
    fixed = timer_entry(UnitFile("x.timer", f"{text}FixedRandomDelay=yes\n", {}), "UTC").request

    assert drawn is not None
    assert fixed is not None
    assert str(drawn.schedule) == "0 0 * * *, jitter 600s"
    assert str(fixed.schedule) == "0 0 * * *, spread 600s"


def test_a_masked_or_templated_timer_is_refused(tmp_path: Path) -> None:
    assert timer_entry(UnitFile("x@.timer", TIMER, {}), "UTC").reason == "it is a template: only an instance of it runs"
    assert timer_entry(UnitFile("x.timer", "", {}), "UTC").request is None
