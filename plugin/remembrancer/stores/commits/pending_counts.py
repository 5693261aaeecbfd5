"""Things to count that change no task: kept with the next commit of their connection."""

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
    """Waits between threads: what anybody adds, the next commit takes, and gives back if it is not kept."""

    def __init__(self) -> None:
        self._waiting: deque[PendingCount] = deque(maxlen=_MOST)
        self.full: str | None = None
        """What was said when the disk was full; None once a write was kept since."""

    def __bool__(self) -> bool:
        """Whether any wait."""
        return bool(self._waiting)

    def add(self, what: str, text: str) -> None:
        """Count *what* once, called *text*."""
        self._waiting.append((what, text))

    def take(self) -> list[PendingCount]:
        """Take all that wait."""
        taken: list[PendingCount] = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken

    def give_back(self, taken: Iterable[PendingCount]) -> None:
        """The commit that took them was not kept."""
        self._waiting.extend(taken)

    @contextmanager
    def of_faults(self) -> Generator[None]:
        """Count it when the graph cannot be read or written.

        A user's own queries are not counted: where the graph is in trouble, what the scheduler asks tells so.
        """
        try:
            yield
        except GraphUnavailable as fault:
            if isinstance(fault, DiskFull):
                self.full = str(fault)
            self.add("database_errors", _UNAVAILABLE)
            raise


PendingCount = tuple[str, str]
"""Something counted that changes no task, and what people call it."""
