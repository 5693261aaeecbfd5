"""Statements and rows: the values that pass between a store and a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


Row = dict[str, Any]
"""What an engine answers: nodes as dicts of their properties, moments as aware datetimes."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A named query of the catalogue and the rows to run it over; each answered row says its `row`.

    The rows belong to the statement: the session numbers them in place, under `row`.
    """

    name: str
    rows: Sequence[Row]


class UniqueKeyTaken(Exception):
    """A write would have made a second node with a unique key; nothing of it was written.

    Args:
        message: The engine's.
        property_name: The key's, where the engine says it.
    """

    def __init__(self, message: str, property_name: str | None = None) -> None:
        self.property_name = property_name
        super().__init__(message)
