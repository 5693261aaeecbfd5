"""The result of pruning executions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)


@dataclass(frozen=True, slots=True)
class PruneResult:
    """What a roll-up did, or would do."""

    before: datetime
    """What began earlier than that was rolled up."""
    executions: int
    occurrences: int
    summaries: int
    """How many summaries were made or grew."""
