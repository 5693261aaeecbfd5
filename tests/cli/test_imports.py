"""Every import accounts for each entry, foresees itself, and makes nothing twice; its commands run under serve."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Desk, Serve, Terminal

SETTINGS = """
beat_schedule = {
    "a": {"task": "t.a", "schedule": 3600},
    "b": {"task": "t.b", "schedule": unknown()},
}
"""


def work() -> None:
    """Stand for a job."""


def units(folder: Path) -> list[str]:
    (folder / "units").mkdir()
    (folder / "units" / "a.timer").write_text("[Timer]\nOnCalendar=daily\n")
    (folder / "units" / "a.service").write_text("[Service]\nExecStart=/bin/true\n")
    (folder / "units" / "b.timer").write_text("[Timer]\nOnBootSec=5min\n")
    (folder / "units" / "masked.timer").symlink_to("/dev/null")
    return ["systemd", str(folder / "units")]


def jobs(folder: Path) -> list[str]:
    store = SQLAlchemyJobStore(url=f"sqlite:///{folder / 'jobs.sqlite'}")
    scheduler = BackgroundScheduler(jobstores={"default": store}, timezone="UTC")
    scheduler.start(paused=True)
    scheduler.add_job(work, "interval", hours=1, id="a")
    scheduler.add_job(work, "interval", hours=1, id="b").pause()
    scheduler.shutdown()
    store.engine.dispose()
    return ["apscheduler", str(folder / "jobs.sqlite")]


def beat(folder: Path) -> list[str]:
    (folder / "celeryconfig.py").write_text(SETTINGS)
    return ["celery", str(folder / "celeryconfig.py")]


def django(folder: Path) -> list[str]:
    file = folder / "db.sqlite3"
    with closing(sqlite3.connect(file)) as database:
        database.executescript(
            """
            CREATE TABLE django_celery_beat_crontabschedule (id INTEGER, minute, hour, day_of_week, day_of_month,
                month_of_year, timezone);
            CREATE TABLE django_celery_beat_periodictask (id INTEGER, name, task, args, kwargs, enabled, crontab_id,
                interval_id, clocked_id, solar_id, one_off, description);
            INSERT INTO django_celery_beat_crontabschedule VALUES (1, '0', '9', '*', '*', '*', 'Europe/Berlin');
            INSERT INTO django_celery_beat_periodictask VALUES (1, 'a', 't', '[]', '{}', 1, 1, NULL, NULL, NULL, 0, '');
            INSERT INTO django_celery_beat_periodictask VALUES (2, 'b', 't', '[]', '{}', 1, NULL, 3, NULL, NULL, 0, '');
            """
        )
    return ["celery", str(file)]


def prompts(folder: Path) -> list[str]:
    held = {"tasks": [{"id": "a", "cron": "0 9 * * *", "prompt": "look"}, {"id": "b", "prompt": "look"}]}
    (folder / "tasks.json").write_text(json.dumps(held))
    return ["claude-code", str(folder / "tasks.json")]


@pytest.mark.parametrize("source", [units, jobs, beat, django, prompts])
def test_an_import_is_foreseen_accounted_for_and_made_once(desk: Desk, source: Any) -> None:
    words = ["import", *source(desk.folder)]
    foreseen = desk.json(*words, "--dry-run")
    assert not desk.graph.exists()
    first, second = desk.json(*words), desk.json(*words)
    refused = [entry["reason"] for entry in first["entries"] if entry["fate"] == "refused"]
    (made,) = [entry for entry in foreseen["entries"] if entry["fate"] == "imported"]

    assert (first["imported"], second["imported"], second["unchanged"]) == (1, 0, 1)
    assert refused
    assert all(refused)
    assert [entry["fate"] for entry in foreseen["entries"]] == [entry["fate"] for entry in first["entries"]]
    assert len(made["next_fires"]) == 5
    assert len(desk.json("list", "--all")) == 1


@pytest.mark.parametrize("source", [units, jobs, beat, django, prompts])
def test_the_table_of_an_import_ends_with_the_totals(desk: Desk, source: Any) -> None:
    ran = desk("import", *source(desk.folder))

    assert ran.code == 0
    assert ran.out.rstrip().splitlines()[-1].startswith("1 imported, 0 unchanged, ")


@pytest.mark.parametrize(
    "words",
    [
        ("systemd", "nowhere"),
        ("systemd", "text.txt"),
        ("apscheduler", "nowhere"),
        ("apscheduler", "text.txt"),
        ("apscheduler", "text.txt", "--table", "x; DROP"),
        ("celery", "nowhere.py"),
        ("celery", "text.txt"),
        ("claude-code", "text.txt"),
        ("claude-code", "nowhere", "-z", "Mars/Base"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused(desk: Desk, words: tuple[str, ...]) -> None:
    (desk.folder / "text.txt").write_text("no such thing (")
    given = [str(desk.folder / word) if "." in word or word == "nowhere" else word for word in words]
    ran = desk("import", *given)

    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert not desk.graph.exists()


def test_an_imported_crontab_runs_its_commands(terminal: Terminal, serve: Serve) -> None:
    crontab = f"GREETING=hello\n0 0 1 1 *  cat > {terminal.folder}/out; echo $GREETING%a line%another\n"
    report = terminal.json("import", "crontab", "-", "--user", stdin=crontab)
    task_id = report["entries"][1]["task_id"]
    serving = serve("--run-commands", "--no-rest")
    terminal.json("run-now", task_id)
    serving.end(signal.SIGTERM)
    (made,) = [each for each in terminal.json("history", task_id) if "execution_id" in each]

    assert (made["status"], made["result"]) == ("completed", "hello")
    assert (terminal.folder / "out").read_text() == "a line\nanother"


def test_serve_warns_once_of_commands_that_it_does_not_run(terminal: Terminal, serve: Serve) -> None:
    terminal.json("import", "crontab", "-", "--user", stdin="0 0 1 1 * true\n1 0 1 1 * true\n")
    without = serve("--no-rest").end(signal.SIGTERM)
    running = serve("--no-rest", "--run-commands").end(signal.SIGTERM)

    assert without.err.count("`serve --run-commands` runs them") == 1
    assert "--run-commands" not in running.err


def test_an_exported_crontab_is_imported_without_effect(desk: Desk) -> None:
    desk("schedule", "Tea", "--cron", "0 9 * * *", "--prompt", "p", "--context", '{"command": ["true"]}')
    (desk.folder / "given").write_text("0 8 * * * true\n")
    desk("import", "crontab", str(desk.folder / "given"), "--user", "-z", "Europe/Berlin")
    (desk.folder / "tab").write_text(desk("export", "crontab").out)
    words = ["import", "crontab", str(desk.folder / "tab"), "--user"]
    foreseen, done = desk.json(*words, "--dry-run"), desk.json(*words)
    other = [*words, "--graph", str(desk.folder / "other")]
    again = desk.json(*other, "--dry-run"), desk.json(*other), desk.json(*other)

    assert [(each["imported"], each["unchanged"]) for each in (foreseen, done)] == [(0, 2), (0, 2)]
    assert [(each["imported"], each["unchanged"]) for each in again] == [(2, 0), (2, 0), (0, 2)]
    assert len(desk.json("list")) == 2
