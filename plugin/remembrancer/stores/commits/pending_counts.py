"""Counts of things that change no task: the next commit of the connection takes them."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from remembrancer.errors import DiskFull, GraphUnavailable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable


_MOST: Final = 10_000
_UNAVAILABLE: Final = "The graph did not answer"


class PendingCounts:
    """A queue between threads: any thread adds, the next commit takes all, and returns them if it fails."""

    def __init__(self) -> None:
        self._waiting: deque[PendingCount] = deque(maxlen=_MOST)
        self.full: str | None = None
        """The error of a full disk; None after the next write that succeeded."""

    def __bool__(self) -> bool:
        """Return True if any count waits."""
        return bool(self._waiting)

    def add(self, what: str, text: str) -> None:
        """Count *what* once; *text* describes it."""
        self._waiting.append((what, text))

    def take(self) -> list[PendingCount]:
        """Take all counts that wait."""
        taken: list[PendingCount] = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken

    def give_back(self, taken: Iterable[PendingCount]) -> None:
        """Return counts whose commit failed."""
        self._waiting.extend(taken)

    @contextmanager
    def counting_errors(self) -> Generator[None]:
        """Count a database error if the graph cannot be read or written.

        Queries that users write are not counted: the scheduler's own show whether the graph is in trouble.
        """
        try:
            yield
        except GraphUnavailable as fault:
            if isinstance(fault, DiskFull):
                self.full = str(fault)
            self.add("database_errors", _UNAVAILABLE)
            raise


PendingCount = tuple[str, str]
"""The name of a counter, and a text that describes the counted event."""
