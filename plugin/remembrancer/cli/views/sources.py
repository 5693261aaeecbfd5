"""Files that imports read: unit files, and databases that are opened for reading only."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from remembrancer.errors import InvalidInput
from remembrancer.schedules.importers.django_beat import MODELS
from remembrancer.schedules.importers.systemd import UnitFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def read_bytes(file: Path) -> bytes:
    """Return the content of a file. Raises InvalidInput: it cannot be read, or is too large."""
    try:
        if file.stat().st_size > _LARGEST:
            raise InvalidInput("file", str(file), f"a file of at most {_LARGEST:,} bytes", "/etc/crontab")
        return file.read_bytes()
    except OSError as refused:
        allowed = f"a file that can be read ({refused.strerror})"
        raise InvalidInput("file", str(file), allowed, "/etc/crontab") from refused


def timers(path: Path) -> Iterator[UnitFile]:
    """Yield the timer files at a path, each with the services beside it. Raises InvalidInput: there are none."""
    found = sorted(path.glob("*.timer")) if path.is_dir() else [path]
    if not found or found[0].suffix != ".timer":
        raise InvalidInput("path", str(path), "a .timer file, or a folder that holds one", "backup.timer")
    for timer in found:
        # A link to /dev/null masks a unit, and a broken one belongs to none: both are refused as empty timers.
        text = _unit_text(timer)
        beside = {each.name: _unit_text(each) for each in sorted(timer.parent.glob("*.service"))}
        yield UnitFile(timer.name, text, beside, (timer.parent / f"{timer.name}.d").is_dir())


def _unit_text(file: Path) -> str:
    if not file.exists() and file.is_symlink():
        return ""
    return read_bytes(file).decode("utf-8", "replace") if file.is_file() or not file.exists() else ""


def is_sqlite(file: Path) -> bool:
    """Return whether a file is a database of SQLite."""
    try:
        with file.open("rb") as opened:
            return opened.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False  # the reader of its text says why


def stored_jobs(file: Path, table: str) -> list[tuple[str, float | None, bytes]]:
    """Return the rows of a job store: id, next run time, state. Raises InvalidInput."""
    if not table.replace("_", "").isalnum():
        raise InvalidInput("--table", table, "a name of letters, digits and _", "apscheduler_jobs")
    rows = _rows(file, table)
    if rows and not {"id", "next_run_time", "job_state"} <= rows[0].keys():
        raise InvalidInput("--table", table, "a table with id, next_run_time and job_state", "apscheduler_jobs")
    jobs = [(str(row["id"]), row["next_run_time"], row["job_state"]) for row in rows]
    return [(job_id, at, state if isinstance(state, bytes) else b"") for job_id, at, state in jobs]


def django_tables(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the tables of django-celery-beat. Raises InvalidInput: there are none."""
    tables = {"periodictask": _rows(file, "django_celery_beat_periodictask")}
    for name in MODELS[1:]:
        tables[name] = _rows(file, f"django_celery_beat_{name}", needed=False)
    return tables


def _rows(file: Path, table: str, *, needed: bool = True) -> list[dict[str, Any]]:
    """Return the rows of a table. Raises InvalidInput: the database has none of that name, or cannot be read."""
    if not is_sqlite(file):
        read_bytes(file)  # which says why it cannot be read
        raise InvalidInput("file", str(file), "a database of SQLite", "jobs.sqlite")
    address = f"{file.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.row_factory = sqlite3.Row
            known = database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
            if known.fetchone() is None:
                if needed:
                    raise InvalidInput("file", str(file), f"a database with a table {table}", "jobs.sqlite")
                return []
            return [dict(row) for row in database.execute(f'SELECT * FROM "{table}"')]  # noqa: S608 (letters, digits and _)
    except sqlite3.Error as refused:
        raise InvalidInput("file", str(file), f"a database that can be read ({refused})", "jobs.sqlite") from refused


_LARGEST: Final = 64 * 1024 * 1024
_MAGIC: Final = b"SQLite format 3\0"
