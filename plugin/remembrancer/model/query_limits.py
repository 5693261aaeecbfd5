"""The limits of a user's query: how long it may take, and how much it may answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from remembrancer.errors import InvalidInput

SECONDS: Final = 30.0
LONGEST_SECONDS: Final = 60.0
"""The engine ends a reading statement by then, whatever is allowed."""
LARGEST: Final = 2**40
ROWS: Final = 100_000
SIZE: Final = 8 * 1024 * 1024
_EXAMPLE: Final = "MATCH (t:scheduled_task) RETURN t.name, t.status LIMIT 100"
_LESS: Final = "; ask for less at a time: WHERE, LIMIT, or count() in place of rows"


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What one query of a user may take.

    Args:
        seconds: From when it was asked to the last of its rows.
        rows: Of its answer.
        size: Of its answer, in bytes of JSON.
    """

    seconds: float = SECONDS
    rows: int = ROWS
    size: int = SIZE

    def __post_init__(self) -> None:
        """Refuse limits that cannot be kept. Raises InvalidInput."""
        if not 0 < self.seconds <= LONGEST_SECONDS:
            allowed = f"more than 0 and at most {LONGEST_SECONDS:g} seconds"
            raise InvalidInput("query_seconds", self.seconds, allowed, SECONDS)
        for name, value, example in (("query_rows", self.rows, ROWS), ("query_bytes", self.size, SIZE)):
            if not 0 < value <= LARGEST:
                raise InvalidInput(name, value, f"1 to {LARGEST:,}", example)

    def too_long(self, query: str) -> InvalidInput:
        """Return the refusal of a query that takes longer."""
        allowed = f"a query that is answered within {self.seconds:g} seconds (the setting query_seconds){_LESS}"
        return InvalidInput("query", query, allowed, _EXAMPLE)

    def too_many(self, query: str) -> InvalidInput:
        """Return the refusal of a query with more rows."""
        allowed = f"a query with at most {self.rows:,} rows (the setting query_rows){_LESS}"
        return InvalidInput("query", query, allowed, _EXAMPLE)

    def too_large(self, query: str) -> InvalidInput:
        """Return the refusal of a query with a larger answer."""
        allowed = f"a query whose answer has at most {self.size:,} bytes (the setting query_bytes){_LESS}"
        return InvalidInput("query", query, allowed, _EXAMPLE)

    def check(self, query: str, rows: int, size: int) -> None:
        """Refuse an answer that has come so far. Raises InvalidInput."""
        if rows > self.rows:
            raise self.too_many(query)
        if size > self.size:
            raise self.too_large(query)
