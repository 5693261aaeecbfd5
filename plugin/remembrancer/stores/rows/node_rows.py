"""Rows of the graph from model values, and model values from nodes."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from remembrancer.model.deferral import Deferral
from remembrancer.model.dependency import dependencies_text
from remembrancer.model.execution import Execution
from remembrancer.model.ids import minute_of
from remembrancer.model.json_bounds import read_stored
from remembrancer.model.plain_schedules import Cron
from remembrancer.model.policy import DedupReuse
from remembrancer.model.task import ScheduledTask
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.stores.rows.due_key import due_key
from remembrancer.stores.rows.wait_keys import CLEARED, due_key_of, wait_index_key

if TYPE_CHECKING:
    from remembrancer.model.idempotency import IdempotencyKey
    from remembrancer.ports.writes import Claim
    from remembrancer.stores.commits.row_types.executions import (
        AdvancedTask,
        CauseRow,
        ClaimRow,
        OutcomeRow,
        StartRow,
    )
    from remembrancer.stores.commits.statement import Row


_NO_PROPERTIES: Final = frozenset({"deferral_history", "unreadable", "next_fires"})
"""The fields of a task that are read from elsewhere."""
TIMESTAMPS: Final = tuple(
    name
    for name, each in ScheduledTask.model_fields.items()
    if "datetime" in str(each.annotation) and name not in _NO_PROPERTIES
)
"""The fields of a task that are dates and times in the graph; `create_tasks` makes them of epoch milliseconds."""
_OBJECTS: Final = ("context", "retry", "budget", "estimate", "follow_up")
"""The fields of a task that the graph keeps as JSON text."""
_ENCODED: Final = {*_NO_PROPERTIES, *TIMESTAMPS, *_OBJECTS, "tags", "depends_on"}
_LONE: Final = re.compile("[\ud800-\udfff]")
_PROJECTED: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)(?:\[[\w/+-]+\])?")
"""A time as text, as the embedded engine returns it if a query projects it; in a whole node it is a datetime."""


def task_from(node: Row) -> ScheduledTask:
    """Read a task from its node, to be run. Raises ValueError for an unreadable one."""
    if node.get("context") is not None:
        node = {**node, "context": read_stored(node["context"])}
    return ScheduledTask.model_validate(node)


def shown_task_from(node: Row) -> ScheduledTask:
    """Read a task from its node, to be shown; `unreadable` says if only its context is. Raises ValueError."""
    return ScheduledTask.model_validate({**node, **_context_of(node)})


def execution_from(node: Row) -> Execution:
    """Read an execution from its node."""
    return Execution.model_validate(node)


def deferral_from(node: Row) -> Deferral:
    """Read a deferral from its node."""
    return Deferral.model_validate({"original_time": None, **node, **_context_of(node)})


def _context_of(node: Row) -> Row:
    """Return the context of a node, or the reason why it cannot be read."""
    written = node.get("context")
    if written is None:
        return {"context": None, "unreadable": None}
    try:
        context = read_stored(written)
    except (ValueError, TypeError) as fault:
        return {"context": None, "unreadable": f"its context cannot be read: {fault}"}
    if not isinstance(context, dict):
        return {"context": None, "unreadable": "its context is no JSON object"}
    return {"context": context, "unreadable": None}  # pyright: ignore[reportUnknownVariableType] (JSON)


def plain(value: Any) -> Any:
    """Return a query's value with times in UTC and without types of the engine."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, str) and _LONE.search(value):  # an unpaired surrogate, as `substring` may leave it
        return _LONE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, str) and _PROJECTED.fullmatch(value):
        with contextlib.suppress(ValueError, OverflowError):  # a text that only looks like a time
            return datetime.fromisoformat(value.partition("[")[0]).astimezone(UTC)
    if isinstance(value, dict):
        return {str(key): plain(kept) for key, kept in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(kept) for kept in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def task_row(task: ScheduledTask, idempotency_key: IdempotencyKey | None = None) -> Row:
    """Return the row that writes a new task; *idempotency_key* is the key of the request that gave it its dedup_key.

    Every field of a task that has a value is one of `properties`, and so is what the graph derives from it.
    """
    minute_ms = minute_of(task.next_run_ms or to_ms(task.created_at))
    kept = task_properties(task)
    if idempotency_key and task.dedup_key and task.dedup_key.startswith(f"{idempotency_key.key}|"):
        kept["request_digest"] = idempotency_key.digest
    elif idempotency_key and task.dedup_reuse is DedupReuse.AFTER_END:
        kept |= {"request_key": idempotency_key.key, "request_digest": idempotency_key.digest}
    row: Row = {name: kept[name] for name in _COUNTED if name in kept}
    if task.defer_until is not None:
        row["defer_until_ms"] = to_ms(task.defer_until)
    row["created_ms"] = to_ms(task.created_at)
    row["minute_ms"] = minute_ms
    row["time_id"] = time_id(minute_ms)
    row["properties"] = kept
    return row


def task_properties(task: ScheduledTask) -> Row:
    """Return the properties of a task's node that are no dates and times, those derived from others too."""
    kept: Row = {name: value for name, value in vars(task).items() if value is not None and name not in _ENCODED}
    for name in _OBJECTS:
        if (value := getattr(task, name)) is not None:
            kept[name] = to_json(value)
    if task.tags:
        kept["tags"] = list(task.tags)
    if task.depends_on:
        kept["depends_on"] = dependencies_text(task.depends_on)
    kept["task_type"] = task.task_type
    kept["status_index_key"] = status_index_key(task.status, task.task_type, task.task_id)
    if isinstance(schedule := task.schedule, Cron):
        kept["cron_index_key"] = cron_index_key(schedule.expression, task.task_id)
    kept["due_key"] = due_key_of(task)
    if task.wait_key is not None:
        kept["wait_index_key"] = wait_index_key(task)
    return kept


_COUNTED: Final = ("task_id", "origin_thought_id", "task_type", "name", "status", "schedule_cron", "next_run_ms")
"""The properties that the query, the counters and the event log read from the row itself."""


def claim_row(claim: Claim) -> ClaimRow:
    """Return the row that claims an occurrence to run, without properties of no effect: these rows are many."""
    execution = claim.execution
    row: ClaimRow = {
        "task_id": execution.task_id,
        "expected_ms": claim.expected_next_run_ms,
        "fence": execution.fence,
        "nominal_ms": to_ms(execution.nominal_at),
        "execution_id": execution.execution_id,
        "occurrence_key": execution.occurrence_key,
        "execution_type": execution.execution_type,
        "task_type": execution.task_type,
        "triggered_ms": to_ms(execution.triggered_at),
        "trigger_delay_ms": execution.trigger_delay_ms,
        "replica_id": execution.replica_id,
        "task": _advanced(claim),
    }
    if claim.begins:
        row["begins"] = True
    return row


def _advanced(claim: Claim) -> AdvancedTask:
    """Return the properties that a claim changes of its task; one that stays ACTIVE keeps its status and key."""
    task_id = claim.execution.task_id
    task: AdvancedTask = {
        "next_run_ms": claim.next_run_ms,
        "due_key": due_key(claim.next_run_ms, task_id),
        "nominal_ms": claim.next_nominal_ms,
    }
    if claim.ends_pause:
        task |= _UNPAUSED
    if claim.ends_wait:
        task |= cast("AdvancedTask", CLEARED)
    if claim.gains is not None:
        task |= cast("AdvancedTask", claim.gains)
    if claim.begins or claim.task_status is not TaskStatus.ACTIVE:
        task["status"] = claim.task_status
        task["status_index_key"] = status_index_key(claim.task_status, claim.execution.task_type, task_id)
    return task


_UNPAUSED: Final[AdvancedTask] = {"paused_at": None, "paused_until": None, "pause_reason": None, "on_missed": None}  # pyright: ignore[reportAssignmentType]


def outcome_row(claim: Claim) -> OutcomeRow:
    """Return the row of occurrences that will not run."""
    execution = claim.execution
    return {
        **claim_row(claim),
        "task_status": claim.task_status,
        "status": execution.status,
        "occurrences": execution.occurrences,
        "last_nominal_ms": to_ms(execution.last_nominal_at or execution.nominal_at),
        "reason_code": execution.reason_code,
        "reason": execution.reason,
    }


def cause_row(execution: Execution) -> CauseRow:
    """Return the row that writes the cause of an execution whose occurrence its schedule does not name."""
    detail = to_json(execution.cause_detail)
    return {"execution_id": execution.execution_id, "cause": execution.cause, "cause_detail": detail}


def fence_after(outstanding: Claim | None) -> int | None:
    """Return the fence that a task has once *outstanding* is written; None without it."""
    return None if outstanding is None else outstanding.execution.fence


def start_row(execution: Execution) -> StartRow:
    """Return the row that starts an execution outside the schedule."""
    return {
        "task_id": execution.task_id,
        "execution_id": execution.execution_id,
        "occurrence_key": execution.occurrence_key,
        "execution_type": execution.execution_type,
        "task_type": execution.task_type,
        "nominal_ms": to_ms(execution.nominal_at),
        "triggered_ms": to_ms(execution.triggered_at),
        "replica_id": execution.replica_id,
        "attempt": execution.attempt,
        "retry_since_ms": execution.retry_since_ms,
    }


def status_index_key(status: str, task_type: str, task_id: str) -> str:
    """Return the key that sorts a task among those of its status and type, in the order of their ids."""
    return f"{status}|{task_type}|{task_id}"


def outcome_key(status: str, execution_id: str) -> str:
    """Return the key that sorts an execution among those with its outcome, in the order of their ids."""
    return f"{status}|{execution_id}"


def after_all(begin: str) -> str:
    """Return the text that sorts after all texts that begin with *begin*."""
    return begin[:-1] + chr(ord(begin[-1]) + 1)


def cron_index_key(expression: str, task_id: str) -> str:
    """Return the key that sorts an open task among those of its cron expression."""
    return f"{expression}|{task_id}"


def time_id(minute_ms: int) -> str:
    """Return the id of the `time` node of a whole minute, such as `time_2025-08-15T09:00:00Z`."""
    return f"time_{to_iso(from_ms(minute_ms))}"


def to_json(context: dict[str, Any] | None) -> str | None:
    """Return a JSON object as the graph stores it."""
    return None if context is None else json.dumps(context, ensure_ascii=False, separators=(",", ":"))
