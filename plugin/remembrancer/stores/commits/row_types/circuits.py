"""Rows of circuits."""

from __future__ import annotations

from typing import TypedDict

from remembrancer.stores.commits.row_types.executions import FencedRow
from remembrancer.stores.commits.row_types.tasks import ChangeRow


class CircuitPassRow(TypedDict):
    """A circuit, and the executions that are to begin under it, in order."""

    limit_key: str
    wanted: list[str]
    force: bool
    at_ms: int
    open_ms: int
    """Milliseconds for which it is open, unless others were set."""


class CircuitCountRow(FencedRow):
    """An outcome that counts for a circuit, and the failures after which that opens unless others were set."""

    limit_key: str
    is_failure: bool
    fault: str
    at_ms: int
    opens_after: int
    open_ms: int


class CircuitRow(ChangeRow):
    """A circuit whose settings or failures change."""

    limit_key: str
    opens_after: int | None
    open_ms: int | None
