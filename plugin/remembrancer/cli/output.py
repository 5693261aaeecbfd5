"""Output of commands: tables for people, JSON for machines."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from remembrancer.cli.grid import Cell, Grid
from remembrancer.model.audit import AuditEntry
from remembrancer.model.control_characters import visible, visible_json
from remembrancer.model.request import TASK_FIELDS
from remembrancer.model.timestamps import from_ms, to_iso
from remembrancer.surfaces.jsonable import to_jsonable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask


class PlainConsole(Console):
    """Shows text literally: emoji codes are not replaced, and control characters are escaped."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, emoji=False)

    def render_str(self, text: str, **options: object) -> Text:
        """Return *text* with its control characters escaped."""
        return super().render_str(visible(text, lines=True), **options)  # pyright: ignore[reportArgumentType] (handed on as they came)


def screen() -> Console:
    """Return the console for results; without a terminal, it is as wide as a table needs."""
    return PlainConsole(width=_width(sys.stdout))


def errors() -> Console:
    """Return the console for messages and errors."""
    return PlainConsole(stderr=True, width=_width(sys.stderr))


def _width(stream: TextIO) -> int | None:
    return None if stream.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH


def at_work(what: str) -> AbstractContextManager[object]:
    """Show a spinner on stderr, if that is a terminal."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=errors(),
        transient=True,
    )
    bar.disable = not sys.stderr.isatty()
    bar.add_task(what, total=None)
    return bar


@contextmanager
def progress() -> Generator[Callable[[str, int, int], None]]:
    """Show a progress bar on stderr; yield its update function of the step's name, the amount done, and the total."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors(),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task("")
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print any result as JSON."""
    sys.stdout.write(to_json(value, indent=indent) + "\n")
    sys.stdout.flush()


def to_json(value: object, *, indent: int | None = None) -> str:
    """Return any result as JSON, with control characters escaped."""
    return visible_json(json.dumps(to_jsonable(value), indent=indent, ensure_ascii=False))


def tell_more(what: str, shown: int, *, as_json: bool) -> None:
    """Note on stderr that more results exist than were printed."""
    note = f"More than these {shown:,} {what} exist; raise --limit to list more."
    sys.stderr.write(f"{to_json({'note': note})}\n" if as_json else f"{note}\n")
    sys.stderr.flush()


def print_table(table: Grid, *, otherwise: str = "") -> None:
    """Print a table; *otherwise* is printed in place of an empty one."""
    if not table.rows:
        if otherwise:
            screen().print(otherwise, highlight=False)
        return
    out = screen()
    lines = table.lines(out.width if out.is_terminal or "COLUMNS" in os.environ else None)
    if not out.color_system:  # no colours: plain text is a hundred times faster
        sys.stdout.writelines(f"{line.plain}\n" for line in lines)
        return
    for some in batched(lines):
        out.print(Text("\n").join(some), soft_wrap=True, highlight=False)


def batched(lines: Iterable[Text]) -> Iterator[list[Text]]:
    """Yield lines in batches."""
    left = iter(lines)
    while some := list(islice(left, _AT_ONCE)):
        yield some


def when(moment: datetime | None) -> str:
    """Return a time for people: in UTC, and relative to now."""
    return "" if moment is None else f"{to_iso(moment)} ({distance(moment, datetime.now(UTC))})"


def distance(moment: datetime, now: datetime) -> str:
    """Return the distance of *moment* from *now*, in the largest unit that fits."""
    seconds = round((moment - now).total_seconds())
    for unit, length in _UNITS:
        if abs(seconds) >= length:
            words = f"{abs(seconds) // length} {unit}"
            return f"in {words}" if seconds > 0 else f"{words} ago"
    return "now"


def task_table(tasks: Iterable[ScheduledTask]) -> Grid:
    """Return tasks as a table, one per row; with their tags and group, where any has some."""
    listed = list(tasks)
    found_by = [name for name in ("group", "tags") if any(getattr(task, name) for task in listed)]
    table = Grid(("task", "name", "status", "schedule", "next run", "last run", "deferrals", *found_by))
    for task in listed:
        table.add(
            task.task_id,
            task.name,
            status_cell(task.status),
            str(task.schedule) if task.unreadable is None else f"unreadable: {task.unreadable}",
            next_run(task),
            when(task.last_triggered_at),
            str(task.deferral_count or ""),
            *(_fact(name, task) for name in found_by),
        )
    return table


def next_run(task: ScheduledTask) -> str:
    """Return the time of the next run for people; of a paused task, the end of the pause."""
    if task.is_paused(datetime.now(UTC)):
        return "paused" if task.paused_until is None else f"paused until {when(task.paused_until)}"
    return when(from_ms(task.next_run_ms)) if task.next_run_ms is not None else ""


def fact_table(task: ScheduledTask) -> Grid:
    """Return one task as a table of facts: its state, and each field that it has a value of."""
    table = Grid()
    facts = {
        "task": task.task_id,
        "name": task.name,
        "status": task.status,
        "schedule": str(task.schedule),
        "next run": next_run(task),
        "paused": when(task.paused_at),
        "paused until": when(task.paused_until),
        "pause reason": task.pause_reason or "",
        "last run": when(task.last_triggered_at),
        "created": when(task.created_at),
        **{name.replace("_", " "): _fact(name, task) for name in TASK_FIELDS if name not in _IN_THE_SCHEDULE},
        "unreadable": task.unreadable or "",
    }
    for name, fact in facts.items():
        if fact:
            table.add(name, fact)
    return table


def _fact(name: str, task: ScheduledTask) -> str:
    """Return the value of a field of a request for people; nothing where the task has none."""
    value: object = getattr(task, name)
    if isinstance(value, datetime):
        return when(value)
    return "" if value is None else TASK_FIELDS[name].shown(value)


def execution_table(told: Iterable[Execution | AuditEntry]) -> Grid:
    """Return executions and changes as a table, one per row."""
    table = Grid(("triggered at", "task", "status", "nominal time", "took", "reason or result", "execution"))
    for one in told:
        if isinstance(one, AuditEntry):
            table.add(*_change_cells(one))
            continue
        nominal = to_iso(one.nominal_at)
        if one.occurrences > 1 and one.last_nominal_at is not None:
            nominal = f"{nominal} … {to_iso(one.last_nominal_at)} ({one.occurrences})"
        table.add(
            to_iso(one.triggered_at),
            one.task_id,
            status_cell(one.status),
            nominal,
            "" if one.duration_seconds is None else f"{one.duration_seconds:.3f} s",
            _shortened(one.reason or one.result or ""),
            one.execution_id,
        )
    return table


def _change_cells(change: AuditEntry) -> tuple[str | Cell, ...]:
    who = change.surface or "unknown" if change.actor is None else f"{change.surface}: {change.actor}"
    was, fields = change.before or {}, change.after or {}
    moved = ", ".join(_moved(name, was.get(name), value) for name, value in fields.items()) if was else ""
    said = "; ".join(part for part in (f"by {who}", change.reason, moved) if part)
    return (
        to_iso(change.at),
        change.task_id or "",
        status_cell(change.action),
        "",
        "",
        _shortened(said),
        change.change_id,
    )


def _moved(name: str, before: object, after: object) -> str:
    """Return the change of a field in words; timestamps in milliseconds are shown as times."""
    if not name.endswith("_ms"):
        return f"{name} {before} → {after}"
    first, then = (to_iso(from_ms(each)) if isinstance(each, int) else "none" for each in (before, after))
    return f"{name.removesuffix('_ms')} {first} → {then}"


def word_table(first: str, rows: Iterable[tuple[str, str, str]]) -> Grid:
    """Return a table whose rows are a name, a coloured status, and a sentence."""
    table = Grid((first, "", "saw"))
    for name, word, sentence in rows:
        table.add(name, status_cell(word), sentence)
    return table


def row_table(rows: Sequence[dict[str, object]]) -> Grid:
    """Return the rows of a query as a table; its columns are the keys of all rows, in order."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Grid(tuple(columns))
    for row in rows:
        table.add(*(_cell(row.get(column)) for column in columns))
    return table


def coloured(status: str) -> str:
    """Return a status in its colour, as markup."""
    return f"[{_colour(status)}]{escape(status)}[/]"


def status_cell(status: str) -> Cell:
    """Return a status in its colour, for a table."""
    return Cell(status, _colour(status))


def _colour(status: str) -> str:
    return _COLOURS.get(status.lower(), "yellow")


def _cell(value: object) -> str:
    value = to_jsonable(value)
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_IN_THE_SCHEDULE: Final = frozenset({"schedule", "schedule_cron", "timezone"})
_PIPE_WIDTH: Final = 200
_AT_ONCE: Final = 500
_SHOWN: Final = 120
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_COLOURS: Final = {
    "pending": "cyan",
    "active": "green",
    "complete": "dim",
    "completed": "green",
    "running": "cyan",
    "failed": "red",
    "cancelled": "dim",
    "ok": "green",
    "critical": "red",
}
