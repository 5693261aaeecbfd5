"""Functions that turn the rows of one statement into events; a write's spec names the one for its rows.

They take the rows that were really written, and return the events by columns: for each field of `model.event.Event`,
either one value for all of the rows or a list with one for each. A time is epoch milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from remembrancer.stores.commits.statement import Row

_LONGEST: Final = 200
"""Characters of a text that an event holds."""


def started(rows: Sequence[Row]) -> Row:
    """Return the events of executions that began."""
    return {
        "kind": "execution_started",
        "at": [row["triggered_ms"] for row in rows],
        "task_id": [row["task_id"] for row in rows],
        "execution_id": [row["execution_id"] for row in rows],
        "execution_type": [row["execution_type"] for row in rows],
        "nominal_at": [row["nominal_ms"] for row in rows],
        "replica_id": [row["replica_id"] for row in rows],
        "attempt": [row.get("attempt", 1) for row in rows],
    }


def settled(rows: Sequence[Row]) -> Row:
    """Return the events of executions that ended."""
    outcomes = [row["outcome"] for row in rows]
    return {
        "kind": [f"execution_{outcome['status']}" for outcome in outcomes],
        "at": [row["completed_ms"] for row in rows],
        "task_id": [row["of_task"] for row in rows],
        "execution_id": [row["execution_id"] for row in rows],
        "duration_seconds": [outcome["duration_seconds"] for outcome in outcomes],
        "reason_code": [outcome.get("reason_code") for outcome in outcomes],
        "reason": [_shortened(outcome.get("reason")) for outcome in outcomes],
    }


def dropped(rows: Sequence[Row]) -> Row:
    """Return the events of occurrences that will not run."""
    return {
        "kind": [f"execution_{row['status']}" for row in rows],
        "at": [row["triggered_ms"] for row in rows],
        "task_id": [row["task_id"] for row in rows],
        "execution_id": [row["execution_id"] for row in rows],
        "execution_type": [row["execution_type"] for row in rows],
        "nominal_at": [row["nominal_ms"] for row in rows],
        "last_nominal_at": [row["last_nominal_ms"] for row in rows],
        "occurrences": [row["occurrences"] for row in rows],
        "reason_code": [row["reason_code"] for row in rows],
        "reason": [_shortened(row["reason"]) for row in rows],
    }


def dead_lettered(rows: Sequence[Row]) -> Row:
    """Return the events of failures that no attempt follows, with their number so far."""
    return {
        "kind": "dead_lettered",
        "at": [row["at_ms"] for row in rows],
        "task_id": [row["task_id"] for row in rows],
        "occurrences": [row["failures"] for row in rows],
        "reason_code": [row["reason_code"] for row in rows],
        "reason": [_shortened(row["fault"]) for row in rows],
    }


def paused(rows: Sequence[Row]) -> Row:
    """Return the events of tasks that failures in a row have paused."""
    return {
        "kind": "task_paused",
        "at": [row["at_ms"] for row in rows],
        "task_id": [row["of_task"] for row in rows],
        "reason": [_shortened(row["reason"]) for row in rows],
    }


def exhausted(rows: Sequence[Row]) -> Row:
    """Return the events of budgets that have too little left."""
    return {
        "kind": "budget_exhausted",
        "at": [row["at_ms"] for row in rows],
        "task_id": [row["task_id"] for row in rows],
        "reason": [_shortened(row["reason"]) for row in rows],
    }


def progressed(rows: Sequence[Row]) -> Row:
    """Return the events of executions that reported progress."""
    return {
        "kind": "execution_progress",
        "at": [row["at_ms"] for row in rows],
        "task_id": [row["of_task"] for row in rows],
        "execution_id": [row["execution_id"] for row in rows],
        "progress": [row["progress"] for row in rows],
        "progress_text": [row["progress_text"] for row in rows],
    }


def created(rows: Sequence[Row]) -> Row:
    """Return the events of new tasks."""
    return {
        "kind": "task_created",
        "at": [row["created_ms"] for row in rows],
        "task_id": [row["task_id"] for row in rows],
        "name": [_shortened(row["name"]) for row in rows],
        "task_status": [row["status"] for row in rows],
        "schedule_cron": [row.get("schedule_cron") for row in rows],
        "next_run_at": [row.get("next_run_ms") for row in rows],
    }


def deferred(rows: Sequence[Row]) -> Row:
    """Return the events of deferrals."""
    return {
        "kind": ["question_asked" if row.get("question") else "task_deferred" for row in rows],
        "at": [row["deferred_ms"] for row in rows],
        "task_id": [row["task_id"] for row in rows],
        "deferral_id": [row["deferral_id"] for row in rows],
        "next_run_at": [row["deferred_until_ms"] for row in rows],
        "reason": [_shortened(row["reason"]) for row in rows],
    }


def answered(rows: Sequence[Row]) -> Row:
    """Return the events of questions that were answered."""
    return {
        "kind": "question_answered",
        "at": [row["at_ms"] for row in rows],
        "task_id": [row["task_id"] for row in rows],
        "deferral_id": [row["question_id"] for row in rows],
        "next_run_at": [row["next_run_ms"] for row in rows],
        "reason": [_shortened(row["reason"]) for row in rows],
    }


def asked_again(rows: Sequence[Row]) -> Row:
    """Return the events of questions that were asked again."""
    return {
        "kind": [row["kind"] for row in rows],
        "at": [row["at_ms"] for row in rows],
        "task_id": [row["task_id"] for row in rows],
        "deferral_id": [row["question_id"] for row in rows],
        "next_run_at": [row["next_run_ms"] for row in rows],
        "reason": [_shortened(row["text"]) for row in rows],
    }


def edited(rows: Sequence[Row]) -> Row:
    """Return the events of tasks that were paused, resumed or updated."""
    return {
        "kind": [row["kind"] for row in rows],
        "at": [row["at_ms"] for row in rows],
        "task_id": [row["task_id"] for row in rows],
        "next_run_at": [row["next_run_ms"] for row in rows],
        "paused_until": [row["paused_until_ms"] for row in rows],
        "reason": [_shortened(row["reason"]) for row in rows],
    }


def ended(status: str, kind: str) -> Callable[[Sequence[Row]], Row]:
    """Return the function for the events of tasks ended with *status*, by a caller or by the scheduler."""

    def columns(rows: Sequence[Row]) -> Row:
        return {
            "kind": kind,
            "at": [row["at_ms"] for row in rows],
            "task_id": [row["task_id"] for row in rows],
            "task_status": status,
            "reason": [_shortened(row["reason"]) for row in rows],
        }

    return columns


def retired(rows: Sequence[Row]) -> Row:
    """Return the events of tasks that ended with their only occurrence."""
    return {
        "kind": "task_ended",
        "at": [row["at_ms"] for row in rows],
        "task_id": [row["of_task"] for row in rows],
        "task_status": [row["status"] for row in rows],
    }


def switched(kind: str) -> Callable[[Sequence[Row]], Row]:
    """Return the function for the events of a scheduler that was halted or released."""

    def columns(rows: Sequence[Row]) -> Row:
        return {
            "kind": kind,
            "at": [row["at_ms"] for row in rows],
            "reason": [_shortened(row["reason"]) for row in rows],
        }

    return columns


def circuits(rows: Sequence[Row]) -> Row:
    """Return the events of circuits that an outcome has opened or closed."""
    return {
        "kind": [row["kind"] for row in rows],
        "at": [row["at_ms"] for row in rows],
        "reason": [_shortened(row["reason"]) for row in rows],
    }


def reset_circuits(rows: Sequence[Row]) -> Row:
    """Return the events of circuits that were reset."""
    return {
        "kind": "circuit_closed",
        "at": [row["at_ms"] for row in rows],
        "reason": [_shortened(f"{row['limit_key']}: it was reset") for row in rows],
    }


def check_failed(rows: Sequence[Row]) -> Row:
    """Return the events of checks of waiting tasks that failed."""
    return {
        "kind": "check_failed",
        "at": [row["at_ms"] for row in rows],
        "task_id": [row["task_id"] for row in rows],
        "reason": [_shortened(row["reason"]) for row in rows],
    }


def _shortened(text: str | None) -> str | None:
    """Return the beginning of a text, with nothing in it that UTF-8 cannot encode."""
    return text and text[:_LONGEST].encode("utf-8", "backslashreplace").decode()[:_LONGEST]
