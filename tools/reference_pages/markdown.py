"""Tables, code and marked sections in Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_SECTION: Final = re.compile(r"(<!-- generated: ([\w ]+) -->\n).*?(<!-- end of generated -->)", re.DOTALL)

_BAR: Final = re.compile(r"(?<!\\)\|")


def code(text: object) -> str:
    """Return *text* as code."""
    return f"`` {text} ``" if "`" in str(text) else f"`{text}`"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a column that is empty in every row is left out."""
    lines = [list(row) for row in rows]
    kept = [column for column, _ in enumerate(head) if any(row[column] for row in lines)]
    written = [_line([row[column] for column in kept]) for row in [list(head), *lines]]
    return "\n".join([written[0], "|" + "---|" * len(kept), *written[1:]])


def _line(cells: Sequence[str]) -> str:
    """Return a line of a table: a bar within a cell is escaped, also in code."""
    escaped = [_BAR.sub(r"\\|", text) for text in cells]
    return "|" + "".join(f" {text} |" if text else " |" for text in escaped)


def with_sections(page: str, sections: Mapping[str, Callable[[], str]]) -> str:
    """Return *page* with the present text in each marked section. Raises ValueError: the marks name others."""
    marked = [found[2] for found in _SECTION.finditer(page)]
    if sorted(marked) != sorted(sections):
        raise ValueError(f"The page marks the sections {marked}; there are {[*sections]}.")
    return _SECTION.sub(lambda found: f"{found[1]}\n{sections[found[2]]().strip()}\n\n{found[3]}", page)
