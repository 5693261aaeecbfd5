"""What is wrong with a graph that a maltreated scheduler left, once it has been opened again and has recovered."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from remembrancer import Firing, TaskSchedulerService

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Row = dict[str, Any]
_EXECUTIONS = """
MATCH (e:task_execution)-[:EXECUTION_OF]->(t:scheduled_task)
RETURN t.task_id AS task_id, t.on_lost AS on_lost, t.max_attempts AS max_attempts, e.execution_id AS execution_id,
       e.occurrence_key AS occurrence_key, e.execution_type AS execution_type, e.status AS status,
       e.reason_code AS reason_code, e.attempt AS attempt, e.occurrences AS occurrences,
       e.nominal_at.epochMillis AS nominal_ms, e.last_nominal_at.epochMillis AS last_ms
"""
_TASKS = "MATCH (t:scheduled_task) RETURN t.task_id AS task_id, t.status AS status, t.nominal_ms AS nominal_ms, \
t.schedule_cron AS cron"
_DEFERRALS = "MATCH (d:task_deferral)-[:DEFERRAL_OF]->(t:scheduled_task) RETURN d.deferral_id AS deferral_id"


async def look(folder: Path, said: Sequence[Row], *, covered: bool = True, in_order: bool = False) -> list[str]:
    """Open the graph again, let it recover, and return what is wrong with it.

    Args:
        folder: The graph.
        said: What the scheduler had acknowledged, and told of its handlers.
        covered: Whether each second since a task of every second was made is to have one outcome.
        in_order: Whether the scheduler had stopped in order: all outcomes are there before anything recovers.
    """
    service = TaskSchedulerService(folder, handler=_at_once)
    await service.open()
    left = [row for row in await service.cypher(_EXECUTIONS) if row["status"] == "running"]
    await service.recover()
    await service.idle()
    executions = await service.cypher(_EXECUTIONS)
    tasks = {str(row["task_id"]): row for row in await service.cypher(_TASKS)}
    deferrals = {row["deferral_id"] for row in await service.cypher(_DEFERRALS)}
    leases = await service.cypher("MATCH (l:execution_lease) RETURN l.lease_id AS lease_id")
    created = service.get_status().metrics["scheduled_tasks_created"]
    await service.close()
    wrong = [f"lost: {line}" for line in said if not _stands(line, tasks, deferrals)]
    if in_order:
        wrong += [f"stopped in order without an outcome: {row}" for row in left if row["on_lost"] != "retry"]
    wrong += [f"a lease is left: {lease}" for lease in leases]
    wrong += [f"still running: {row}" for row in executions if row["status"] == "running"]
    wrong += _doubles(executions)
    wrong += _of_handlers(executions, said)
    for task_id, task in tasks.items():
        if task["cron"] and covered:
            mine = [row for row in executions if row["task_id"] == task_id]
            wrong += _uncovered(task_id, int(str(task["nominal_ms"])), mine)
    if created != len(tasks):
        wrong.append(f"{created} tasks were counted, {len(tasks)} are there")
    return wrong


async def _at_once(firing: Firing) -> None:
    """Whatever it is, it is done."""


def _stands(line: Row, tasks: dict[str, Row], deferrals: set[object]) -> bool:
    """Whether an acknowledged write is in the graph."""
    if "cancelled" in line:
        return tasks.get(line["cancelled"], {}).get("status") == "CANCELLED"
    if "deferred" in line:
        return line["deferral"] in deferrals
    return "scheduled" not in line or line["scheduled"] in tasks


def _doubles(executions: Sequence[Row]) -> list[str]:
    """Return occurrences that were done twice, and keys that stand twice."""
    done = Counter(
        (row["task_id"], row["nominal_ms"], row["execution_type"]) for row in executions if row["status"] == "completed"
    )
    keys = Counter(row["occurrence_key"] for row in executions)
    wrong = [f"fired twice: {occurrence}" for occurrence, times in done.items() if times > 1]
    return wrong + [f"stands twice: {key}" for key, times in keys.items() if times > 1]


def _of_handlers(executions: Sequence[Row], said: Sequence[Row]) -> list[str]:
    """Return outcomes that no handler gave: none raises but those that say so, and what is lost is tried again."""
    raised = {line["raises"] for line in said if "raises" in line}
    began = {line["began"] for line in said if "began" in line}
    tried = {(row["task_id"], row["nominal_ms"], row["attempt"]) for row in executions}
    wrong: list[str] = []
    for row in executions:
        again = (row["task_id"], row["nominal_ms"], row["attempt"] + 1)
        ours = row["execution_id"] in began or not began  # and of no round before, on the same graph
        if ours and row["reason_code"] == "handler_raised" and row["execution_id"] not in raised:
            wrong.append(f"its handler did not raise: {row}")
        if row["reason_code"] == "lease_expired" and row["on_lost"] == "retry" and again not in tried:
            wrong.extend([f"not tried again: {row}"] if row["attempt"] < row["max_attempts"] else [])
    return wrong


def _uncovered(task_id: str, next_nominal_ms: int, executions: Sequence[Row]) -> list[str]:
    """Return the seconds of an every-second task that are accounted for not once."""
    seconds: Counter[int] = Counter()
    for row in executions:
        if row["execution_type"] == "cron_trigger" and row["attempt"] == 1:
            first = int(str(row["nominal_ms"]))
            last = first if row["last_ms"] is None else int(str(row["last_ms"]))
            seconds.update(range(first, last + 1, 1000))
            if (last - first) // 1000 + 1 != row["occurrences"]:
                return [f"a burst of {task_id} miscounts itself: {row}"]
    if not seconds:
        return []
    every = range(min(seconds), next_nominal_ms, 1000)
    return [f"{task_id} has {seconds[second]} outcomes for {second}" for second in every if seconds[second] != 1]
