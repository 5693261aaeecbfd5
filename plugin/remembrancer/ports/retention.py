"""The retention port: old executions are added up into summaries and deleted.

Law: summarizing is one commit, which adds exactly the executions that it deletes. Whichever commit fails, and however
many replicas prune at once, each execution is either in the graph or in its summary, and never in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.summary import ExecutionSummary
    from remembrancer.ports.writes import Change


@dataclass(frozen=True, slots=True)
class ExpiredExecution:
    """An execution that may be summarized."""

    execution_id: str
    task_id: str
    day: str
    """The UTC day of its nominal time, such as `2026-03-02`."""
    occurrences: int
    thought_id: str | None
    """The thought that it created."""


class ExecutionRetention(Protocol):
    """The old executions of one graph, and their summaries."""

    async def oldest(self, before: datetime, after_id: str, limit: int) -> Sequence[ExpiredExecution]:
        """Return executions begun before *before*, with a greater id than *after_id*, the oldest occurrence first.

        Excludes running executions, executions with a newer or running retry, and executions that foreign edges
        refer to.
        """
        ...

    async def begin(self, before: datetime, change: Change) -> None:
        """Write to the audit log who begins to prune the executions begun before *before*."""
        ...

    async def summarize(self, old: Sequence[ExpiredExecution]) -> int:
        """Add executions to the summaries of their days, and delete them; return how many they were.

        A thought that one of them created goes with it, if remembrancer wrote it and nothing else is linked to it.
        """
        ...

    async def summaries(self, task_id: str | None, limit: int) -> Sequence[ExecutionSummary]:
        """Return summaries, the latest day first: of one task, or of all."""
        ...
