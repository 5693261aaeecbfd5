"""Comparison of the slots of limits with the executions that hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.limit import OVERLAP

if TYPE_CHECKING:
    from remembrancer.stores.commits.statement import Row


class SlotCheck:
    """Compares slots with executions; it needs every limit and every execution."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        """The executions that run."""
        self._between_attempts: set[str] = set()
        """Executions that have ended and wait for their next attempt: they keep their overlap keys."""
        self._held: set[tuple[str, str]] = set()
        """Limits, each with an execution that holds a slot of it."""

    def add_execution(self, node: Row) -> None:
        """Add an execution."""
        if node["status"] == "running":
            self.running.add(node["execution_id"])
        elif node.get("retry_task_id") is not None:
            self._between_attempts.add(node["execution_id"])

    def add_limit(self, node: Row) -> None:
        """Add a limit."""
        self._held |= slots_of(node)

    def stray(self) -> set[tuple[str, str]]:
        """Return the slots, each by limit and execution, of those that do not run, nor keep it for an attempt."""
        return {slot for slot in self._held if not self._is_used(*slot)}

    def _is_used(self, limit_key: str, execution_id: str) -> bool:
        is_kept = limit_key.startswith(OVERLAP) and execution_id in self._between_attempts
        return is_kept or execution_id in self.running


def slots_of(node: Row) -> set[tuple[str, str]]:
    """Return the slots of a limit that are held, each by limit and execution."""
    return {(node["limit_key"], each) for each in node.get("holders") or ()}
