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
from remembrancer.model.control_characters import visible, visible_json
from remembrancer.model.timestamps import to_iso
from remembrancer.surfaces.jsonable import to_jsonable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager


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


_PIPE_WIDTH: Final = 200
_AT_ONCE: Final = 500
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
