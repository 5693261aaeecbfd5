"""The bare engine: one thread, no Python objects, the least that any scheduler on it must do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from remembrancer.model.ids import occurrence_key
from remembrancer.stores.embedded.arcadedb import Plain, load_engine
from remembrancer.stores.rows.due_key import due_key, last_key

if TYPE_CHECKING:
    from pathlib import Path

BATCH = 1000
MINUTE_MS = 60_000
_KEYS_A_MINUTE = last_key(MINUTE_MS) - last_key(0)

_SCHEMA = (
    "CREATE VERTEX TYPE scheduled_task",
    "CREATE VERTEX TYPE task_execution",
    "CREATE EDGE TYPE EXECUTION_OF",
    "CREATE PROPERTY scheduled_task.task_id STRING",
    "CREATE PROPERTY scheduled_task.due_key LONG",
    "CREATE PROPERTY task_execution.occurrence_key STRING",
    "CREATE PROPERTY task_execution.execution_id STRING",
    "CREATE INDEX ON scheduled_task (task_id) UNIQUE",
    "CREATE INDEX ON scheduled_task (due_key) NOTUNIQUE NULL_STRATEGY SKIP",
    "CREATE INDEX ON task_execution (occurrence_key) UNIQUE",
    "CREATE INDEX ON task_execution (execution_id) UNIQUE",
)
CREATE = """UNWIND $rows AS r
CREATE (t:scheduled_task {task_id: r.task_id, name: r.task_id, status: 'ACTIVE', schedule_cron: '* * * * *',
  trigger_prompt: 'prompt', goal_description: 'goal', next_run_ms: r.ms, due_key: r.due_key, fence: 0})
RETURN count(t) AS n"""
DUE = """MATCH (t:scheduled_task) WHERE t.due_key > $floor AND t.due_key <= $now
RETURN t.task_id AS task_id, t.next_run_ms AS ms, t.due_key AS due_key ORDER BY t.due_key LIMIT $limit"""
CLAIM = """UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
SET t.fence = coalesce(t.fence, 0) + 1
WITH t, r WHERE t.next_run_ms = r.ms AND t.status IN ['PENDING', 'ACTIVE']
SET t.next_run_ms = r.next_ms, t.due_key = r.next_key, t.last_triggered_at = datetime({epochMillis: r.ms})
CREATE (e:task_execution {occurrence_key: r.key, execution_id: r.key, fence: t.fence, status: 'running',
  triggered_at: datetime({epochMillis: r.ms})})-[:EXECUTION_OF]->(t)
RETURN r.key AS key, t.fence AS fence"""
SETTLE = """UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.key}) WHERE e.fence = r.fence
SET e.status = 'completed', e.completed_at = datetime({epochMillis: r.at}), e.duration_seconds = 0.0
RETURN r.key AS key"""


def claims(due: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what claims these tasks and moves them on by a minute."""
    return [
        {
            **row,
            "next_ms": row["ms"] + MINUTE_MS,
            "next_key": row["due_key"] + _KEYS_A_MINUTE,
            "key": occurrence_key(row["task_id"], row["ms"], 1),
        }
        for row in due
    ]


class RawGraph:
    """A graph driven by the engine alone, every commit on the disk."""

    def __init__(self, folder: Path) -> None:
        self._database = load_engine().create_database(str(folder))
        self._database.set_wal_flush("yes_full")
        for statement in _SCHEMA:
            self._database.command("sql", statement)
        self._singles = 0

    def fill(self, count: int, first_ms: int, *, same_key: bool = False) -> None:
        """Create *count* tasks due at *first_ms*: each with a due key of its own, or all with one."""
        for start in range(0, count, BATCH):
            names = [f"task_{number}" for number in range(start, min(start + BATCH, count))]
            keys = [last_key(first_ms) if same_key else due_key(first_ms, name) for name in names]
            self._write(
                CREATE,
                [{"task_id": n, "ms": first_ms, "due_key": k} for n, k in zip(names, keys, strict=True)],
            )

    def creates(self, count: int) -> float:
        """Create one task a commit; return how many a second."""
        began = time.perf_counter()
        for _ in range(count):
            self._singles += 1
            far = 4_000_000_000_000 + self._singles
            name = f"single_{self._singles}"
            self._write(CREATE, [{"task_id": name, "ms": far, "due_key": due_key(far, name)}])
        return count / (time.perf_counter() - began)

    def fires(self, now_ms: int) -> float:
        """Claim and settle all that is due, task after task moved on by a minute; return how many a second."""
        floor, fired = last_key(now_ms - 2 * MINUTE_MS), 0
        began = time.perf_counter()
        while due := self._due(floor, last_key(now_ms)):
            won = self._write(CLAIM, claims(due))
            fired += len(self._write(SETTLE, [{**row, "at": now_ms} for row in won]))
            # Tasks that share one key lie on both sides of the limit: the floor may not pass it.
            floor = due[-1]["due_key"] - 1
        return fired / (time.perf_counter() - began)

    def close(self) -> None:
        """Close it."""
        self._database.close()

    def _due(self, floor: int, now: int) -> list[dict[str, Any]]:
        return self._database.query("opencypher", DUE, {"floor": floor, "now": now, "limit": BATCH}).to_list()

    def _write(self, text: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self._database.begin()
        answer = self._database.command("opencypher", text, {"rows": Plain(rows)}).to_list()
        self._database.commit()
        return answer
