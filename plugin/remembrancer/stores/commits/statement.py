"""Statements and rows: the values that pass between a store and a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


Row = dict[str, Any]
"""One row that an engine answers: nodes are dicts of their properties, times are aware datetimes."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A named query of the catalogue and the rows to run it over; each answered row says its `row`.

    The rows belong to the statement: the connection numbers them in place, under `row`. Their type is in the query's
    `WriteSpec`.
    """

    name: str
    rows: Sequence[Mapping[str, Any]]


def rows_of(name: str, statements: Sequence[Statement], answers: Sequence[list[Row]]) -> list[Row]:
    """Return the answer to the statement *name*; no rows if it was not among them."""
    for statement, answer in zip(statements, answers, strict=True):
        if statement.name == name:
            return answer
    return []


class UniqueKeyTaken(Exception):
    """A write would have made a second node with a unique key; nothing of it was written.

    Args:
        message: The engine's own text.
        property_name: The property that is the key, where the engine names it.
    """

    def __init__(self, message: str, property_name: str | None = None) -> None:
        self.property_name = property_name
        super().__init__(message)
