"""Readable records: reading nodes leaves out an unreadable one, reports it once, and goes on."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from remembrancer.stores.commits.statement import Row

_T = TypeVar("_T")
Unreadable = tuple["Row", Exception]
"""An unreadable node, and the error of reading it."""
_LOG: Final = logging.getLogger("remembrancer")
_REMEMBERED: Final = 10_000
_LONGEST: Final = 300
FAULTS: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""The errors of reading an unreadable node; pydantic's ValidationError is a ValueError."""


class ReadableRecords:
    """Reads the records of one graph, and remembers the unreadable ones that were reported."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[str], None]] = []
        """Called with each report; without listeners it is logged."""
        self._reported: set[int] = set()
        self._waiting: list[tuple[str, Unreadable]] = []
        self._together = 0

    @property
    def unreadable(self) -> int:
        """The number of records that this process could not read; it stops counting at ten thousand."""
        return len(self._reported)

    def read(self, key: str, read: Callable[[Row], _T], nodes: Iterable[Row]) -> list[_T]:
        """Return the values that *read* makes of *nodes*; those that it refuses are reported by their *key*."""
        return self.sort(key, read, nodes)[0]

    def sort(self, key: str, read: Callable[[Row], _T], nodes: Iterable[Row]) -> tuple[list[_T], list[Unreadable]]:
        """Return the same, and the nodes that were refused, each with the fault."""
        found: list[_T] = []
        refused: list[Unreadable] = []
        for node in nodes:
            try:
                found.append(read(node))
            except FAULTS as fault:
                refused.append((node, fault))
        self._waiting += [(key, each) for each in refused]
        if not self._together:
            self._report()
        return found, refused

    @contextmanager
    def reported_together(self) -> Generator[None]:
        """Report all unreadable records of the block, page after page, together at its end."""
        self._together += 1
        try:
            yield
        finally:
            self._together -= 1
            if not self._together:
                self._report()

    def _report(self) -> None:
        """Report those that were not reported before: in one line, however many they are."""
        new: list[tuple[str, Unreadable]] = []
        for key, refused in self._waiting:
            mark = hash((key, repr(refused[0].get(key) or refused[0])))
            if mark not in self._reported and len(self._reported) < _REMEMBERED:
                self._reported.add(mark)
                new.append((key, refused))
        self._waiting.clear()
        if new:
            key, (node, fault) = new[0]
            others = f" and {len(new) - 1} others" if len(new) > 1 else ""
            what = f"{key.removesuffix('_id')} {node.get(key) or '(without an id)'}"
            text = f"Records that cannot be read are left out: {what}{others}. {one_line(fault)}"
            for report in self.listeners or [_LOG.error]:
                report(text)


def one_line(fault: Exception) -> str:
    """Return the message of a fault as one line, up to 300 characters."""
    return " ".join(str(fault).split())[:_LONGEST] or type(fault).__name__
