"""The bare engine again, writing the nodes that the specification wants: our schema, our catalogue's statements.

What is left between this and Remembrancer is Remembrancer itself: planning, handlers, values, leases, counters.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from raw import BATCH, MINUTE_MS

from remembrancer.model.ids import execution_id_of, minute_of, new_id, occurrence_key
from remembrancer.stores.embedded.arcadedb import Plain, load_engine
from remembrancer.stores.rows.due_key import due_key, last_key
from remembrancer.stores.rows.node_rows import cron_index_key, status_index_key, time_id
from remembrancer_schema.catalog import migrations, query

if TYPE_CHECKING:
    from pathlib import Path

_DUE = """MATCH (t:scheduled_task) WHERE t.due_key > $floor AND t.due_key <= $now
RETURN t.task_id AS task_id, t.next_run_ms AS ms, t.due_key AS due_key, t.fence AS fence, elementId(t) AS element_id
ORDER BY t.due_key LIMIT 1000"""


class RawNodes:
    """A graph of ours, driven by the engine alone, every commit on the disk."""

    def __init__(self, folder: Path) -> None:
        self._database = load_engine().create_database(str(folder))
        self._database.set_wal_flush("yes_full")
        for step in migrations("embedded"):
            for statement in step.statements:
                self._database.command("sql", statement)

    def fill(self, count: int, first_ms: int) -> float:
        """Create *count* minutely tasks due at *first_ms*, by the thousand; return how many a second."""
        began = time.perf_counter()
        for start in range(0, count, BATCH):
            numbers = range(start, min(start + BATCH, count))
            self._write("create_tasks", [_minutely(number, first_ms) for number in numbers])
        return count / (time.perf_counter() - began)

    def creates(self, count: int, first_ms: int) -> float:
        """Create one task a commit, each to run once, a second apart from *first_ms* on; return how many a second."""
        began = time.perf_counter()
        for number in range(count):
            self._write("create_tasks", [_once(number, first_ms + number * 1000)])
        return count / (time.perf_counter() - began)

    def fires(self, now_ms: int) -> float:
        """Claim and settle all that is due, task after task moved on by a minute; return how many a second."""
        floor, fired = last_key(now_ms - 2 * MINUTE_MS), 0
        began = time.perf_counter()
        while due := self._due(floor, last_key(now_ms)):
            claims = [_claim(place, row, now_ms) for place, row in enumerate(due)]
            won = self._write("claim_executions", claims)
            settled = [_settled({**claims[row["row"]], **row}, now_ms) for row in won]
            fired += len(self._write("settle_executions", settled))
            floor = due[-1]["due_key"]
        return fired / (time.perf_counter() - began)

    def close(self) -> None:
        """Close it."""
        self._database.close()

    def _due(self, floor: int, now: int) -> list[dict[str, Any]]:
        return self._database.query("opencypher", _DUE, {"floor": floor, "now": now}).to_list()

    def _write(self, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self._database.begin()
        answer = self._database.command("opencypher", query(name), {"rows": Plain(rows)}).to_list()
        self._database.commit()
        return answer


def _minutely(number: int, first_ms: int) -> dict[str, Any]:
    task = _task(number, first_ms, "recurring")
    task |= {"schedule_cron": "* * * * *", "cron_index_key": cron_index_key("* * * * *", task["task_id"])}
    return _row(number, task, first_ms)


def _once(number: int, moment_ms: int) -> dict[str, Any]:
    return {**_row(0, _task(number, moment_ms, "one_time"), moment_ms), "defer_until_ms": moment_ms}


def _row(number: int, task: dict[str, Any], first_ms: int) -> dict[str, Any]:
    minute_ms = minute_of(first_ms)
    return {
        "row": number,
        "origin_thought_id": task["origin_thought_id"],
        "created_ms": first_ms,
        "minute_ms": minute_ms,
        "time_id": time_id(minute_ms),
        "properties": task,
    }


def _task(number: int, first_ms: int, task_type: str) -> dict[str, Any]:
    task_id = new_id("task", first_ms)
    return {
        "task_id": task_id,
        "name": f"task {number}",
        "goal_description": "goal",
        "status": "PENDING",
        "task_type": task_type,
        "timezone": "UTC",
        "gap": "run_after",
        "fold": "first",
        "trigger_prompt": "prompt",
        "origin_thought_id": "thought",
        "deferral_count": 0,
        "misfire": "run_once",
        "misfire_limit": 100,
        "misfire_grace_seconds": 60.0,
        "on_lost": "fail",
        "max_attempts": 3,
        "next_run_ms": first_ms,
        "due_key": due_key(first_ms, task_id),
        "nominal_ms": first_ms,
        "fence": 0,
        "status_index_key": status_index_key("PENDING", task_type, task_id),
    }


def _claim(place: int, due: dict[str, Any], now_ms: int) -> dict[str, Any]:
    key, next_ms = occurrence_key(due["task_id"], due["ms"], 1), due["ms"] + MINUTE_MS
    return {
        "row": place,
        "task_id": due["task_id"],
        "element_id": due["element_id"],
        "expected_ms": due["ms"],
        "fence": due["fence"] + 1,
        "nominal_ms": due["ms"],
        "task": {"next_run_ms": next_ms, "due_key": due_key(next_ms, due["task_id"]), "nominal_ms": next_ms},
        "execution_id": execution_id_of(key, due["ms"]),
        "occurrence_key": key,
        "execution_type": "cron_trigger",
        "task_type": "recurring",
        "trigger_delay_ms": now_ms - due["ms"],
        "triggered_ms": now_ms,
        "replica_id": "replica",
    }


def _settled(claim: dict[str, Any], now_ms: int) -> dict[str, Any]:
    outcome = {"status": "completed", "duration_seconds": 0.0}
    return {
        "row": claim["row"],
        "execution_id": claim["execution_id"],
        "element_id": claim["element_id"],
        "fence": claim["fence"],
        "completed_ms": now_ms,
        "outcome": outcome,
    }
