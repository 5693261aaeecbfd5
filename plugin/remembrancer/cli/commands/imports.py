"""`remembrancer import`: schedules of other systems."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.schedules.importers.entries import Entry


@dataclass(frozen=True, kw_only=True)
class ImportOptions(GraphOptions):
    """The options of every import."""

    dry_run: Annotated[
        bool, Option("--dry-run", "-n", help="Show the tasks and their next fires, without importing them.")
    ] = False
    timezone: Annotated[
        str | None,
        Option("--timezone", "-z", metavar="ZONE", help="Zone of times whose source names none; see above."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class CrontabOptions(ImportOptions):
    """The options of `import crontab`."""

    file: Annotated[Path, Argument(help="The crontab; - reads it from stdin.", allow_dash=True)]
    system: Annotated[
        bool | None,
        Option("--system/--user", help="Job lines name a user, as in /etc/cron.d, or do not; default by the file."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SystemdOptions(ImportOptions):
    """The options of `import systemd`."""

    path: Annotated[list[Path], Argument(help="A .timer file, or a folder of them; may be given again.")]


@dataclass(frozen=True, kw_only=True)
class DatabaseOptions(ImportOptions):
    """The options of `import apscheduler`."""

    file: Annotated[Path, Argument(help="The SQLite database of the job store.")]
    table: Annotated[str, Option(metavar="NAME", help="The table of the jobs.")] = "apscheduler_jobs"


@dataclass(frozen=True, kw_only=True)
class FileOptions(ImportOptions):
    """The options of `import celery` and `import claude-code`."""

    file: Annotated[Path, Argument(help="The file; - reads it from stdin.", allow_dash=True)]


async def crontab(asked: CrontabOptions) -> None:
    """Import the jobs of a crontab, and report on every line of it.

    Each job becomes a recurring task with its command, which `serve --run-commands` runs. Importing again changes
    nothing. Times are in the zone of CRON_TZ, else of --timezone, else of this machine. Guesses are reported.

    For example:

        crontab -l | remembrancer import crontab - --dry-run
        remembrancer import crontab /etc/cron.d/sysstat --timezone Europe/Berlin
        remembrancer import crontab /etc/crontab --system --json
    """
    from remembrancer.cli.output import errors
    from remembrancer.schedules.importers.crontab import judged
    from remembrancer.schedules.importers.crontab_jobs import crontab_entries

    text = _text(asked.file, errors="surrogateescape")
    form = judged(text, system=asked.system, name=str(asked.file))
    zone, source = _zone_of(asked)
    facts = {"form": form.kind, "form_reason": form.why, "timezone": zone, "timezone_reason": source}
    await _import(asked, crontab_entries(text, form, zone), {"file": str(asked.file), **facts})
    if not asked.as_json:
        errors().print(f"Read as {_FORMS[form.kind]}: {form.why}.", markup=False, highlight=False)
        errors().print(f"Times without a CRON_TZ are read in {zone}, {source}.", markup=False, highlight=False)


async def systemd(asked: SystemdOptions) -> None:
    """Import timers of systemd, each with the command of its service.

    A service is looked for beside its timer; without it, the command has systemd start the unit. Times are in the zone
    that OnCalendar= names, else of --timezone, else of this machine. Importing again changes nothing.

    For example:

        remembrancer import systemd /etc/systemd/system --dry-run
        remembrancer import systemd backup.timer
    """
    from remembrancer.cli.views.sources import timers
    from remembrancer.schedules.importers.systemd import timer_entry

    zone, source = _zone_of(asked)
    units = [unit for path in asked.path for unit in timers(path)]
    facts = {"path": [str(path) for path in asked.path], "timezone": zone, "timezone_reason": source}
    await _import(asked, [timer_entry(unit, zone) for unit in units], facts)


async def apscheduler(asked: DatabaseOptions) -> None:
    """Import the jobs of APScheduler 3, from the SQLite database of its SQLAlchemy job store.

    The pickled jobs are read without unpickling: no code of theirs runs, and a job that holds other objects than
    triggers and plain values is refused. Each task's context has `func`, `args` and `kwargs`, for your handler. A
    paused job is refused. Importing again changes nothing.

    For example:

        remembrancer import apscheduler jobs.sqlite --dry-run
    """
    from remembrancer.cli.views.sources import stored_jobs
    from remembrancer.schedules.importers.apscheduler import job_entry

    entries = [job_entry(*row) for row in stored_jobs(asked.file, asked.table)]
    await _import(asked, entries, {"file": str(asked.file)})


async def celery(asked: FileOptions) -> None:
    """Import a beat schedule of Celery, or the tables of django-celery-beat.

    The file is settings in Python, which are read and not run; the schedule as JSON or TOML; the JSON of `manage.py
    dumpdata django_celery_beat`; or the SQLite database of a Django project. Each task's context has `celery_task`,
    `args`, `kwargs` and `options`, for your handler. Times are in the zone that the schedule names, else of
    --timezone, else UTC. Importing again changes nothing.

    For example:

        remembrancer import celery celeryconfig.py --dry-run
        remembrancer import celery db.sqlite3
    """
    from remembrancer.cli.views.sources import django_tables, is_sqlite
    from remembrancer.schedules.importers.celery_settings import beat_entries
    from remembrancer.schedules.importers.django_beat import table_entries

    if is_sqlite(asked.file):
        zone = _zone(asked.timezone or "UTC")
        entries = table_entries(django_tables(asked.file), zone)
    else:
        given = _zone(asked.timezone) if asked.timezone else None
        entries, zone = beat_entries(_text(asked.file), asked.file.name, given)
    await _import(asked, entries, {"file": str(asked.file), "timezone": zone})


async def claude_code(asked: FileOptions) -> None:
    """Import the scheduled tasks of Claude Code, from its file `scheduled_tasks.json`.

    Each task's prompt goes to your handler. Times are in the zone of --timezone, else of this machine. Fields that are
    not understood are reported. Importing again changes nothing.

    For example:

        remembrancer import claude-code .claude/scheduled_tasks.json --dry-run
    """
    from remembrancer.schedules.importers.claude_code import scheduled_tasks

    zone, source = _zone_of(asked)
    facts = {"file": str(asked.file), "timezone": zone, "timezone_reason": source}
    await _import(asked, scheduled_tasks(_text(asked.file), zone), facts)


async def _import(asked: ImportOptions, entries: Sequence[Entry], facts: Mapping[str, object]) -> None:
    from remembrancer.cli.views.imports import classify, show

    accounted = await classify(entries, asked.graph, dry_run=asked.dry_run)
    show(accounted, facts, dry_run=asked.dry_run, as_json=asked.as_json)


def _zone_of(asked: ImportOptions) -> tuple[str, str]:
    """Return the zone of times whose source names none, and the reason for it."""
    return (_zone(asked.timezone), "as --timezone says") if asked.timezone else machine_zone()


def machine_zone(etc: Path = Path("/etc")) -> tuple[str, str]:
    """Return the zone in which cron reads times on this machine, and its source; UTC if it is unknown."""
    with suppress(OSError, InvalidInput):
        return _zone((etc / "localtime").resolve().as_posix().partition("zoneinfo/")[2]), "the zone of this machine"
    with suppress(OSError, InvalidInput, UnicodeDecodeError):
        return _zone((etc / "timezone").read_text("utf-8").strip()), "the zone of this machine"
    return "UTC", "as this machine names no zone; --timezone names another"


def _zone(name: str) -> str:
    from remembrancer.schedules.parsing import read_zone

    return read_zone("UTC" if name in _UTC else name)


def _text(file: Path, errors: str = "strict") -> str:
    """Return the text of a file; bytes that are no UTF-8 as *errors* says, or else as Latin-1."""
    from remembrancer.cli.views.sources import read_bytes

    raw = sys.stdin.buffer.read() if str(file) == "-" else read_bytes(file)
    try:
        return raw.decode("utf-8-sig", errors)
    except UnicodeDecodeError:
        return raw.decode("latin-1")  # which decodes every byte


_FORMS: Final = {"user": "a user's own crontab", "system": "the system's crontab", "anacron": "an anacrontab"}
_UTC: Final = ("Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "Universal", "Zulu", "UCT")
