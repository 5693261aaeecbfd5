"""What a graph says of its tasks and what became of them; read from the graph itself, not through the scheduler."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from crew import PATIENCE_SECONDS
from neo4j.exceptions import TransientError

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from neo4j_server import Server

Row = dict[str, Any]

TASKS: LiteralString = """
MATCH (t:scheduled_task)
RETURN t.task_id AS task_id, t.status AS status, t.schedule_cron AS cron, t.nominal_ms AS nominal_ms,
       t.created_at.epochMillis AS created_ms"""
EXECUTIONS: LiteralString = """
MATCH (e:task_execution)-[:EXECUTION_OF]->(t:scheduled_task)
RETURN t.task_id AS task_id, e.execution_id AS execution_id, e.occurrence_key AS occurrence_key, e.status AS status,
       e.attempt AS attempt, e.trigger_delay_ms AS late_ms, e.replica_id AS replica_id,
       e.occurrences AS occurrences, e.reason_code AS reason_code,
       e.nominal_at.epochMillis AS nominal_ms, e.last_nominal_at.epochMillis AS last_ms,
       EXISTS { (:task_execution)-[:RETRY_OF]->(e) } AS retried"""
BEHIND: LiteralString = """
OPTIONAL MATCH (t:scheduled_task)
WHERE t.next_run_ms < timestamp() + CASE WHEN t.schedule_cron IS NULL THEN 60000 ELSE -2500 END
WITH count(t) AS waiting
OPTIONAL MATCH (e:task_execution {status: 'running'})-[:EXECUTION_OF]->(:scheduled_task)
WHERE e.triggered_at < datetime() - duration('PT1S')
RETURN waiting, count(e) AS running"""
"""What a checker has still to do. A task of every second is never done: it may be as late as a busy machine is."""


@dataclass(frozen=True)
class Account:
    """A graph at rest: what it holds, and what is wrong with that."""

    tasks: dict[str, Row]
    executions: list[Row]

    def outcomes(self, task_id: str) -> Counter[str]:
        """How the executions of one task ended."""
        return Counter(row["status"] for row in self.executions if row["task_id"] == task_id)

    @property
    def lost_executions(self) -> int:
        """How many executions were given up because their holder was gone."""
        return sum(row["reason_code"] == "lease_expired" for row in self.executions)

    def late_seconds(
        self, but_for: AbstractSet[str] = frozenset(), *, since: float = 0.0, until: float = math.inf
    ) -> list[float]:
        """How late each occurrence was that a handler began for, the least first.

        Left out are the tasks and replicas *but_for*, and what was due before *since* or after *until*.
        """
        return sorted(
            row["late_ms"] / 1000
            for row in self.executions
            if row["late_ms"] is not None
            and row["attempt"] == 1
            and since <= row["nominal_ms"] / 1000 <= until
            and not but_for & {row["task_id"], row["replica_id"]}
        )

    def wrong(self, acknowledged: AbstractSet[str], since: float = 0.0) -> list[str]:
        """Return what must not be, given what was *acknowledged* and ought to be here.

        Of tasks made before the moment *since* nothing is asked but that they did nothing twice: a wipe that reads as
        it deletes may leave an execution, and take its lease.
        """
        return [
            *(f"acknowledged and lost: {task_id}" for task_id in sorted(acknowledged - self.tasks.keys())),
            *(f"still running: {row}" for row in self._running(since * 1000)),
            *self._doubles(),
            *self._unaccounted(since * 1000),
        ]

    def _running(self, since_ms: float) -> list[Row]:
        new = {task_id for task_id, task in self.tasks.items() if task["created_ms"] >= since_ms}
        return [
            row for row in self.executions if row["status"] == "running" and (not since_ms or row["task_id"] in new)
        ]

    def _doubles(self) -> list[str]:
        done = Counter((row["task_id"], row["nominal_ms"]) for row in self.executions if row["status"] == "completed")
        keys = Counter(row["occurrence_key"] for row in self.executions)
        return [
            *(f"completed {times} times: {occurrence}" for occurrence, times in done.items() if times > 1),
            *(f"there are {times} of {key}" for key, times in keys.items() if times > 1),
        ]

    def _unaccounted(self, since_ms: float) -> list[str]:
        """Each nominal moment that has passed has one outcome: of its last attempt, or in a burst."""
        final: dict[str, list[Row]] = defaultdict(list)
        for row in self.executions:
            if not row["retried"]:
                final[row["task_id"]].append(row)
        wrong: list[str] = []
        for task_id, task in self.tasks.items():
            if task["created_ms"] < since_ms:
                continue
            wrong += _seconds(task, final[task_id]) if task["cron"] else _once(task, final[task_id])
        return wrong


def _once(task: Row, final: list[Row]) -> list[str]:
    if len(final) == 1 and task["status"] in {"COMPLETE", "FAILED"}:
        return []
    return [f"{task['task_id']} is {task['status']}, with the outcomes {[row['status'] for row in final]}"]


def _seconds(task: Row, final: list[Row]) -> list[str]:
    """A task of every second has an outcome for each second from its making to its next run."""
    covered: Counter[int] = Counter()
    for row in final:
        last = row["nominal_ms"] if row["last_ms"] is None else row["last_ms"]
        seconds = range(row["nominal_ms"], last + 1, 1000)
        covered.update(seconds)
        if len(seconds) != row["occurrences"]:
            return [f"a burst miscounts itself: {row}"]
    first = task["created_ms"] // 1000 * 1000 + 1000
    every = range(first, task["nominal_ms"], 1000)
    return [
        *(f"{task['task_id']} has {covered[each]} outcomes for {each}" for each in every if covered[each] != 1),
        *(f"{task['task_id']} has an outcome for {each}" for each in sorted(covered.keys() - set(every))),
    ]


async def at_rest(server: Server) -> None:
    """Wait until nothing that was due waits and nothing runs."""
    left: Row = {}
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any((left := (await ask(server, BEHIND))[0]).values()):  # noqa: ASYNC110 (others make it true)
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise TimeoutError(f"{PATIENCE_SECONDS} s after the load there is still something to do: {left}") from None


async def take_account(server: Server) -> Account:
    """Read the graph as it is."""
    tasks, executions = await ask(server, TASKS), await ask(server, EXECUTIONS)
    return Account({row["task_id"]: row for row in tasks}, executions)


async def ask(server: Server, text: LiteralString, **parameters: object) -> list[Row]:
    """Run a query beside the scheduler, without holding up what else goes on here."""
    while True:
        try:
            return await asyncio.to_thread(lambda: server.run(text, **parameters))
        except TransientError:  # replicas at work hold locks that we wait for, and wait for ours
            await asyncio.sleep(0.05)
