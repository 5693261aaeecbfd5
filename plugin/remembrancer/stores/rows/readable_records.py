"""Records read from their nodes: one that makes no sense is left out, told once and counted, and stops no other."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from remembrancer.stores.commits.statement import Row

_T = TypeVar("_T")
Unreadable = tuple["Row", Exception]
"""A node that makes no sense, and what reading it raised."""
_LOG: Final = logging.getLogger("remembrancer")
_REMEMBERED: Final = 10_000
_LONGEST: Final = 300
FAULTS: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading a node raises that makes no sense; pydantic's ValidationError is a ValueError."""


class ReadableRecords:
    """Reads the records of one graph, and remembers which of them were told to be unreadable."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[str], None]] = []
        """Called with each line; without any it is logged."""
        self._told: set[int] = set()
        self._waiting: list[tuple[str, Unreadable]] = []
        self._together = 0

    @property
    def unreadable(self) -> int:
        """How many records this process could not read; it stops counting at ten thousand."""
        return len(self._told)

    def read(self, key: str, read: Callable[[Row], _T], nodes: Iterable[Row]) -> list[_T]:
        """Return what *read* makes of the *nodes*; those that it refuses are told in one line, by their *key*."""
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
            self._tell()
        return found, refused

    @contextmanager
    def told_together(self) -> Generator[None]:
        """Tell what is read meanwhile, page after page, at once in the end."""
        self._together += 1
        try:
            yield
        finally:
            self._together -= 1
            if not self._together:
                self._tell()

    def _tell(self) -> None:
        """Log those that were not told before: in one line, however many they are."""
        new: list[tuple[str, Unreadable]] = []
        for key, refused in self._waiting:
            mark = hash((key, repr(refused[0].get(key) or refused[0])))
            if mark not in self._told and len(self._told) < _REMEMBERED:
                self._told.add(mark)
                new.append((key, refused))
        self._waiting.clear()
        if new:
            key, (node, fault) = new[0]
            others = f" and {len(new) - 1} others" if len(new) > 1 else ""
            what = f"{key.removesuffix('_id')} {node.get(key) or '(without an id)'}"
            text = f"Records that cannot be read are left out: {what}{others}. {one_line(fault)}"
            for tell in self.listeners or [_LOG.error]:
                tell(text)


def one_line(fault: Exception) -> str:
    """Return what a fault says, in one line that is not too long."""
    return " ".join(str(fault).split())[:_LONGEST] or type(fault).__name__
