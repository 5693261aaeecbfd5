"""Kill a working scheduler at random moments, open what it left, and look whether anything is lost or doubled."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from remembrancer import Firing, TaskSchedulerService

WORKER = Path(__file__).with_name("worker.py")
ROUNDS_PER_FOLDER = 10
_EXECUTIONS = """
MATCH (e:task_execution)-[:EXECUTION_OF]->(t:scheduled_task)
RETURN t.task_id AS task_id, e.occurrence_key AS occurrence_key, e.execution_type AS execution_type,
       e.status AS status, e.attempt AS attempt, e.occurrences AS occurrences,
       e.nominal_at.epochMillis AS nominal_ms, e.last_nominal_at.epochMillis AS last_ms
"""
_TASKS = "MATCH (t:scheduled_task) RETURN t.task_id AS task_id, t.status AS status, t.nominal_ms AS nominal_ms, \
t.schedule_cron AS cron"
_DEFERRALS = "MATCH (d:task_deferral)-[:DEFERRAL_OF]->(t:scheduled_task) RETURN d.deferral_id AS deferral_id"


def live_and_die(folder: Path) -> list[dict[str, str]]:
    """Run a worker, kill it at a random moment after it is ready; return what it had acknowledged."""
    worker = subprocess.Popen([sys.executable, str(WORKER), str(folder)], stdout=subprocess.PIPE, text=True)
    assert worker.stdout
    first = worker.stdout.readline()
    if not first:
        raise RuntimeError(f"the worker ended with {worker.wait()} before it was ready")
    threading.Timer(random.uniform(0.02, 1.5), worker.kill).start()
    # A line that was cut short was not acknowledged.
    said: list[dict[str, str]] = [json.loads(line) for line in worker.stdout if line.endswith("\n")]
    worker.wait()
    return said


async def look(folder: Path, said: list[dict[str, str]]) -> list[str]:
    """Open the graph again, let it recover, and return what is wrong with it."""
    service = TaskSchedulerService(folder, handler=_at_once)
    await service.open()
    await service.recover()
    await service.idle()
    executions = await service.cypher(_EXECUTIONS)
    tasks = {str(row["task_id"]): row for row in await service.cypher(_TASKS)}
    deferrals = {row["deferral_id"] for row in await service.cypher(_DEFERRALS)}
    leases = await service.cypher("MATCH (l:execution_lease) RETURN l.lease_id AS lease_id")
    created = service._collect_custom_metrics()["scheduled_tasks_created"]
    await service.close()
    wrong = [f"lost: {line}" for line in said if not _stands(line, tasks, deferrals)]
    wrong += [f"a lease is left: {lease}" for lease in leases]
    wrong += [f"still running: {row}" for row in executions if row["status"] == "running"]
    wrong += _doubles(executions)
    for task_id, task in tasks.items():
        if task["cron"]:
            mine = [row for row in executions if row["task_id"] == task_id]
            wrong += _uncovered(task_id, int(str(task["nominal_ms"])), mine)
    if created != len(tasks):
        wrong.append(f"{created} tasks were counted, {len(tasks)} are there")
    return wrong


async def _at_once(firing: Firing) -> None:
    """Whatever it is, it is done."""


def _stands(line: dict[str, str], tasks: dict[str, dict[str, object]], deferrals: set[object]) -> bool:
    """Whether an acknowledged write is in the graph."""
    if "cancelled" in line:
        return tasks.get(line["cancelled"], {}).get("status") == "CANCELLED"
    if "deferred" in line:
        return line["deferral"] in deferrals
    return line["scheduled"] in tasks


def _doubles(executions: list[dict[str, object]]) -> list[str]:
    """Return occurrences that were done twice, and keys that stand twice."""
    done = Counter(
        (row["task_id"], row["nominal_ms"], row["execution_type"]) for row in executions if row["status"] == "completed"
    )
    keys = Counter(row["occurrence_key"] for row in executions)
    wrong = [f"fired twice: {occurrence}" for occurrence, times in done.items() if times > 1]
    return wrong + [f"stands twice: {key}" for key, times in keys.items() if times > 1]


def _uncovered(task_id: str, next_nominal_ms: int, executions: list[dict[str, object]]) -> list[str]:
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


def play(rounds: int, folder: Path) -> int:
    """Play *rounds*; return the exit status."""
    written = 0
    for number in range(rounds):
        graph = folder / f"graph-{number // ROUNDS_PER_FOLDER}"
        said = live_and_die(graph)
        written += len(said)
        if wrong := asyncio.run(look(graph, said)):
            print("\n".join(wrong[:20]))  # noqa: T201
            print(f"round {number + 1}: {len(wrong)} things are wrong; the graph is in {graph}")  # noqa: T201
            return 1
        print(f"round {number + 1}: {len(said)} acknowledged writes, all there", flush=True)  # noqa: T201
    print(f"{rounds} rounds, {written} acknowledged writes, 0 lost, 0 double fires")  # noqa: T201
    return 0


def main() -> int:
    """Read the command line and play."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="how often to kill it (200)")
    parser.add_argument("--seed", type=int, default=None, help="for the moments of death")
    asked = parser.parse_args()
    random.seed(asked.seed)
    with tempfile.TemporaryDirectory(prefix="remembrancer-crash-", ignore_cleanup_errors=True) as folder:
        return play(asked.rounds, Path(folder))


if __name__ == "__main__":
    raise SystemExit(main())
