"""Plurals of counted nouns."""

from __future__ import annotations


def count_of(number: float, one: str, many: str | None = None) -> str:
    """Return *number* with its noun: "1 record", "2,000 records"; *many* is an irregular plural."""
    return f"{number:,.0f} {one if number == 1 else many or f'{one}s'}"
