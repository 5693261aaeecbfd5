"""Words that go with a number."""

from __future__ import annotations


def count_of(number: float, one: str, many: str | None = None) -> str:
    """Return *number* with what it counts: "1 record", "2,000 records"; *many* where that is more than an s."""
    return f"{number:,.0f} {one if number == 1 else many or f'{one}s'}"
