"""Limits of a user's query: time, rows and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from remembrancer.errors import InvalidInput

SECONDS: Final = 30.0
LONGEST_SECONDS: Final = 60.0
"""The engine cancels any reading statement after this time."""
LARGEST: Final = 2**40
ROWS: Final = 100_000
SIZE: Final = 8 * 1024 * 1024
_EXAMPLE: Final = "MATCH (t:scheduled_task) RETURN t.name, t.status LIMIT 100"
_LESS: Final = "; request less at a time, with WHERE, LIMIT, or count() in place of rows"


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Limits of one query.

    Args:
        seconds: Most seconds from its start to its last row.
        rows: Most rows of its result.
        size: Most bytes of its result, as JSON.
        are_settings: Whether settings say these limits.
    """

    seconds: float = SECONDS
    rows: int = ROWS
    size: int = SIZE
    are_settings: bool = True

    def __post_init__(self) -> None:
        """Validate the limits. Raises InvalidInput."""
        if not 0 < self.seconds <= LONGEST_SECONDS:
            allowed = f"more than 0 and at most {LONGEST_SECONDS:g} seconds"
            raise InvalidInput("query_seconds", self.seconds, allowed, SECONDS)
        for name, value, example in (("query_rows", self.rows, ROWS), ("query_bytes", self.size, SIZE)):
            if not 0 < value <= LARGEST:
                raise InvalidInput(name, value, f"1 to {LARGEST:,}", example)

    def too_long(self, query: str) -> InvalidInput:
        """Return the error for a query that takes longer."""
        allowed = f"a query that takes at most {self.seconds:g} seconds{self._set_by('query_seconds')}{_LESS}"
        return InvalidInput("query", query, allowed, _EXAMPLE)

    def too_many(self, query: str) -> InvalidInput:
        """Return the error for a query with more rows."""
        allowed = f"a query with at most {self.rows:,} rows{self._set_by('query_rows')}{_LESS}"
        return InvalidInput("query", query, allowed, _EXAMPLE)

    def too_large(self, query: str) -> InvalidInput:
        """Return the error for a query with a larger result."""
        allowed = f"a query whose result has at most {self.size:,} bytes{self._set_by('query_bytes')}{_LESS}"
        return InvalidInput("query", query, allowed, _EXAMPLE)

    def _set_by(self, setting: str) -> str:
        return f" (the setting {setting})" if self.are_settings else ""

    def check(self, query: str, rows: int, size: int) -> None:
        """Check a result so far. Raises InvalidInput."""
        if rows > self.rows:
            raise self.too_many(query)
        if size > self.size:
            raise self.too_large(query)
