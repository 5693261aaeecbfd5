"""Tables in columns that fit the width of the output, or as one block per row if it is too narrow.

A cell is text and a style, never markup: the text of a task is shown literally. Words are not broken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len, chop_cells
from rich.text import Text

from remembrancer.model.control_characters import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Cell(NamedTuple):
    """One cell of a table."""

    text: str
    style: str = ""


@dataclass(slots=True)
class Grid:
    """A table. Without named *columns*, each row is a name and a value."""

    columns: tuple[str, ...] = ()
    rows: list[tuple[Cell, ...]] = field(default_factory=list[tuple[Cell, ...]])

    def add(self, *cells: str | Cell) -> None:
        """Add a row with control characters escaped; a value without columns keeps its line breaks."""
        row = [Cell(each) if isinstance(each, str) else each for each in cells]
        self.rows.append(tuple(Cell(visible(text, lines=not self.columns), style) for text, style in row))

    def lines(self, width: int | None) -> Iterator[Text]:
        """Yield the lines of the table, none wider than *width* unless a word is; None is unlimited."""
        if not self.columns:
            yield from self._facts(width)
            return
        heads = tuple(Cell(visible(name), "bold") for name in self.columns)
        widths = _widths([heads, *self.rows], width)
        if widths is None:
            for number, row in enumerate(self.rows):
                yield from [Text()] if number else []
                named = zip(heads, row, strict=True)
                yield from Grid(rows=[(head, cell) for head, cell in named if cell.text]).lines(width)
            return
        for row in (heads, *self.rows):
            yield from _laid(row, widths)

    def _facts(self, width: int | None) -> Iterator[Text]:
        """Yield lines of a name and its value, with the value wrapped in its own column."""
        indent = max((_length(row[0].text) for row in self.rows), default=0)
        room = None if width is None else max(width - indent - _GAP, _NARROWEST)
        for name, fact in self.rows:
            lines = [each for line in fact.text.split("\n") for each in _folded(line, room)]
            for number, line in enumerate(lines):
                yield from _laid((Cell("" if number else name.text, "bold"), Cell(line, fact.style)), [indent, 0])


def _widths(rows: Sequence[tuple[Cell, ...]], width: int | None) -> list[int] | None:
    """Return the width of each column; None if words would have to be broken."""
    columns = list(zip(*rows, strict=True))
    widths = [max(_length(cell.text) for cell in column) for column in columns]
    if width is None:
        return widths
    least = [max(_longest_word(cell.text) for cell in column) for column in columns]
    over = sum(widths) + _GAP * (len(widths) - 1) - width
    while over > 0:
        wide = max(range(len(widths)), key=lambda at: widths[at] - least[at])
        if widths[wide] <= least[wide]:
            return None
        # Down to the second widest at once, or as far as is needed.
        others = [each for at, each in enumerate(widths) if at != wide and each < widths[wide]]
        down = max(widths[wide] - max([least[wide], *others]), 1)
        down = min(down, over, widths[wide] - least[wide])
        widths[wide] -= down
        over -= down
    return widths


def _laid(row: tuple[Cell, ...], widths: list[int]) -> Iterator[Text]:
    """Yield the lines of one row: as many as its tallest cell has."""
    folded = [_folded(cell.text, width or None) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, folded), default=0)):
        line = Text()
        for cell, parts, width in zip(row, folded, widths, strict=True):
            part = parts[number] if number < len(parts) else ""
            line.append(part, cell.style or None)
            line.append(" " * (width - _length(part) + _GAP))
        line.rstrip()
        yield line


def _folded(text: str, width: int | None) -> list[str]:
    """Return *text* in lines of *width* cells, broken between words; a longer word is cut."""
    if width is None or _length(text) <= width:
        return [text]
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if _length(longer) <= width:
            lines[-1] = longer
            continue
        cut = chop_cells(word, width) or [word]
        lines = [*lines, *cut] if lines[-1] else cut if len(lines) == 1 else [*lines[:-1], *cut]
    return lines


def _longest_word(text: str) -> int:
    return min(max(map(_length, text.split(" "))), _LONGEST_WORD)


def _length(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


_GAP: Final = 2
_NARROWEST: Final = 12
_LONGEST_WORD: Final = 40
"""A longer word, such as a URL, may be cut to fit."""
