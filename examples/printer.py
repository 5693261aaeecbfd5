"""Print the story, and answers of the graph as tables."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from fast_clock import BERLIN
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDTH: Final = 120
_ROOMY: Final = 110
_FEW: Final = 3
_WORDY: Final = {"task", "reason", "origin_thought", "created_thought", "deferred_task"}
_MARKS: Final = {
    "done": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "deferred": "[yellow]↷[/]",
    "cancelled": "[magenta]⊘[/]",
    "missed": "[yellow]∅[/]",
    "begun": "[cyan]▸[/]",
    "crash": "[bold red]✖[/]",
    "note": "[dim]·[/]",
}


class Printer:
    """Writes for a person: in colour on a terminal, plain anywhere else; `page` is all of it as plain text."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, record=True)
        if not self._console.is_terminal or self._console.width > _WIDTH:
            self._console.width = _WIDTH

    def event(self, when: datetime, mark: str, words: str) -> None:
        """Show one thing that happened."""
        line = Table.grid(padding=(0, 1))
        for width in (7, 1, None):
            line.add_column(width=width, justify="right" if width == len("  HH:MM") else "left")
        line.add_row(f"[dim]{when.astimezone(BERLIN):%H:%M}[/]", _MARKS[mark], words)
        self._console.print(line)

    def say(self, words: str = "") -> None:
        """Print text next to the story; markup is read."""
        self._console.print(words)

    def head(self, words: str) -> None:
        """Begin a part."""
        self._console.print(f"\n[bold]{words}[/]\n")

    def code(self, text: str) -> None:
        """Print code."""
        lines = "\n".join(f"  {line}" for line in text.splitlines())
        self._console.print(Text(lines, style="cyan"), soft_wrap=True)

    def table(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Show rows of one shape as a table, or as lists where the terminal is narrow; moments as Berlin's clock."""
        narrow = self._console.width < _ROOMY and len(rows[0]) > _FEW
        self._console.print(Padding(_lists(rows) if narrow else _table(rows), (0, 2)))

    def side_by_side(self, left: Sequence[Mapping[str, object]], right: Sequence[Mapping[str, object]]) -> None:
        """Show two tables beside one another."""
        pair = Table.grid(padding=(0, 4))
        pair.add_row(_table(left), _table(right))
        self._console.print(Padding(pair, (0, 2)))

    @property
    def page(self) -> str:
        """Everything that was printed, as plain text."""
        return "\n".join(line.rstrip() for line in self._console.export_text(clear=False).splitlines()) + "\n"


def _table(rows: Sequence[Mapping[str, object]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 2, 0, 0))
    for name, value in rows[0].items():
        justify = "right" if isinstance(value, int) else "left"
        table.add_column(escape(name), justify=justify, no_wrap=name not in _WORDY, overflow="fold")
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row.values()))
    return table


def _lists(rows: Sequence[Mapping[str, object]]) -> Table:
    """Return each row as a list of its values by name, which wraps as words do."""
    lists = Table.grid(padding=(0, 1))
    for row in rows:
        pairs = (f"[dim]{escape(name)}[/] {escape(_cell(value))}" for name, value in row.items())
        lists.add_row("•", "  ".join(pairs))
    return lists


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(BERLIN):%H:%M}"
    return "" if value is None else str(value)
