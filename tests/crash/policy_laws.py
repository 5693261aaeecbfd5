"""What must not be in the graph of a life that was cut off, once another process has taken over."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from policy_model import ledgers
from policy_plans import ALLOWED, Plan, Times
from policy_sums import LIMITS, wrong_budgets, wrong_follow_ups, wrong_slots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policy_lives import Life

Row = dict[str, Any]
ANYTHING: Final = frozenset[str]().union(*ALLOWED.values())
"""Whatever can be the reason of an outcome: what befell a task, the life tells."""
_RUNNING: Final = "MATCH (e:task_execution) WHERE e.status = 'running' OR e.retry_task_id IS NOT NULL RETURN e"
_LINEAGES: Final = "MATCH (l:lineage) RETURN l"
_FAILED: Final = """
MATCH (e:task_execution {status: 'failed'})-[:EXECUTION_OF]->(t:scheduled_task)
OPTIONAL MATCH (again:task_execution)-[:RETRY_OF]->(e)
RETURN e.execution_id AS execution_id, t.task_id AS task_id, e.attempt AS attempt, e.dead_letter_id AS dead_letter_id,
       e.reason_code AS reason_code, e.occurrence_key AS occurrence_key, e.retry_task_id AS waits,
       max(again.attempt) AS again
"""
_LETTERS: Final = "MATCH (d:dead_letter) RETURN d.dead_letter_id AS dead_letter_id, d.failures AS failures"
_DEFERRALS: Final = """
MATCH (d:task_deferral)-[:DEFERRAL_OF]->(t:scheduled_task)
RETURN d.deferral_id AS deferral_id, d.answer AS answer, t.task_id AS task_id, t.deferral_id AS live_id,
       t.question_id AS question_id, t.status AS status, t.next_run_ms AS next_run_ms
"""
_SERVED: Final = """
MATCH (t:scheduled_task) WHERE t.status IN ['PENDING', 'ACTIVE']
OPTIONAL MATCH (x:scheduled_task)-[:DEPENDS_ON]->(t) WHERE x.status IN ['PENDING', 'ACTIVE']
WITH t, collect(CASE WHEN x.task_id IS NULL THEN 0 ELSE coalesce(x.served_priority, 5) END) AS asked
RETURN t.name AS name, coalesce(t.served_priority, 5) AS served, coalesce(t.priority, 5) AS own, asked,
       t.priority_changed_ms AS noted_ms
"""
_LEASES: Final = "MATCH (l:execution_lease) RETURN l.lease_id AS lease_id"


def plans_of(told: Sequence[Row], tasks: dict[str, Row]) -> dict[str, Plan]:
    """Return what was asked for, of the tasks that are there, also where the call was cut off."""
    asked = {line["plans"]: line for line in told if "plans" in line}
    plans: dict[str, Plan] = {}
    for task_id, task in tasks.items():
        if task.get("follow_up_of"):
            once = Times(due=task["defer_until"], minutes=0, anchor=None)
            plans[task_id] = Plan([(task["created_at"], once)], {"max_attempts": 3}, set(ANYTHING))
            continue
        line = asked[task["name"] if task["name"] != "Renamed" else "run_all"]
        at = datetime.fromtimestamp(line["at"] / 1000, UTC)
        due = datetime.fromtimestamp(line["due"] / 1000, UTC) if "due" in line else None
        times = Times(due=due, minutes=line.get("every", 0), anchor=None if due else at)
        plans[task_id] = Plan([(at, times)], line["fields"], set(ANYTHING))
    return plans


async def wrong(life: Life, told: Sequence[Row], *, is_over: bool = False) -> list[str]:
    """Return what is wrong, after a recovery; with *is_over*, also what has not come to its end."""
    ask = life.service.cypher
    graph = await ledgers(life.service)
    seen, found = life.clock.now(), list[str]()
    switched = [line for line in told if (line.get("did") or line.get("doing")) in {"halt", "release"}]
    may_be_halted = bool(switched) and switched[-1].get("did") != "release"
    for task_id, plan in plans_of(told, {each: ledger.task for each, ledger in graph.items()}).items():
        found += graph[task_id].wrong(plan, seen, halted=may_be_halted)
        found += graph[task_id].waits(seen) if is_over else []
    begun = Counter(line["begun"] for line in told if "begun" in line)
    found += [f"{each} began {times} times" for each, times in begun.items() if times > 1]
    found += _of_halts(told)
    limits = [row["l"] for row in await ask(LIMITS)]
    found += wrong_slots(limits, [row["e"] for row in await ask(_RUNNING)])
    found += await wrong_budgets(life.service)
    found += _of_failures(await ask(_FAILED), await ask(_LETTERS), told)
    found += _of_deferrals(await ask(_DEFERRALS))
    found += await wrong_follow_ups(life.service)
    found += _of_priorities(await ask(_SERVED))
    asked = {"deferrals": await ask(_DEFERRALS), "limits": limits, "lineages": await ask(_LINEAGES)}
    found += _of_acknowledged(told, graph, asked)
    if is_over:
        found += [f"a lease is left: {lease}" for lease in await ask(_LEASES)]
    return found


def _of_priorities(tasks: Sequence[Row]) -> list[str]:
    """An open task is served with the highest priority of its own and those of the open tasks that depend on it."""
    return [
        f"{each['name']} is served with {each['served']}, its own is {each['own']}, and asked for is {each['asked']}"
        for each in tasks
        if each["noted_ms"] is not None or each["served"] != max(each["own"], *each["asked"], 0)
    ]


def _of_halts(told: Sequence[Row]) -> list[str]:
    """Return what began in a halt, in whichever process."""
    found: list[str] = []
    is_halted = False
    for line in told:
        is_halted = (is_halted or line.get("did") == "halt") and line.get("doing") != "release"
        if is_halted and "begun" in line:
            found.append(f"it began in a halt: {line}")
    return found


def _of_failures(failed: Sequence[Row], letters: Sequence[Row], told: Sequence[Row]) -> list[str]:
    """Return failures for good that no dead letter counts, or counts twice, and others that one counts."""
    found: list[str] = []
    counted: Counter[str] = Counter()
    for row in failed:
        is_final = row["waits"] is None and (row["again"] or 0) <= row["attempt"]
        if row["dead_letter_id"]:
            counted[row["dead_letter_id"]] += 1
        if bool(row["dead_letter_id"]) and not is_final:
            found.append(f"counted among the dead letters: {row}")
        if is_final and not row["dead_letter_id"] and not _was_withdrawn(row, told):
            found.append(f"counted by no dead letter: {row}")
    was_cleared = any(line.get("doing") == "clear" for line in told)
    stand = {row["dead_letter_id"]: row["failures"] for row in letters}
    for letter, times in counted.items():
        if stand.get(letter, times if was_cleared else 0) != times:
            found.append(f"{letter} counts {stand.get(letter)} of {times} failures")
    return found + [f"{each} counts failures that are not there" for each in stand.keys() - counted.keys()]


def _was_withdrawn(row: Row, told: Sequence[Row]) -> bool:
    """Whether a change took the attempts away that were to follow a failure: it was decided to let it be."""
    withdrawn = {line.get("id") for line in told if line.get("doing") in {"cancel", "edit"}}
    return row["task_id"] in withdrawn


def _of_deferrals(deferrals: Sequence[Row]) -> list[str]:
    """Return tasks with a live deferral that is not theirs, with a timer of a question that is answered, or ended."""
    found: list[str] = []
    for row in deferrals:
        is_live = row["live_id"] == row["deferral_id"]
        if is_live and row["status"] not in {"PENDING", "ACTIVE"}:
            found.append(f"an ended task waits for its deferral: {row}")
        if row["question_id"] == row["deferral_id"] and (row["answer"] is not None or not is_live):
            found.append(f"a question is open that is answered or over: {row}")
    known = {row["deferral_id"] for row in deferrals}
    lives = {row["live_id"] for row in deferrals if row["live_id"]}
    return found + [f"{each} is live and is not there" for each in lives - known]


def _of_acknowledged(told: Sequence[Row], graph: dict[str, Any], asked: dict[str, Sequence[Row]]) -> list[str]:
    """Return what was acknowledged and is not there."""
    is_there: dict[str, Any] = {
        "cancel": {each for each, ledger in graph.items() if ledger.task["status"] == "CANCELLED"},
        "defer": {row["deferral_id"] for row in asked["deferrals"]},
        "answer": {row["deferral_id"] for row in asked["deferrals"] if row["answer"] is not None},
        "rerun": {row["execution_id"] for ledger in graph.values() for row in ledger.executions},
        "limit": {("key", row["limit_key"].removeprefix("key:"), row.get("slots")) for row in asked["limits"]},
        "budget": {("of", row["l"]["lineage_id"], row["l"].get("runs")) for row in asked["lineages"]},
    }
    found = [f"lost: {line}" for line in told if "scheduled" in line and line["scheduled"] not in graph]
    set_last: dict[Any, Row] = {}
    for line in told:
        what = line.get("did")
        if what in {"cancel", "defer", "answer", "rerun"}:
            found += [f"lost: {line}"] if line.get("id") not in is_there[what] else []
        elif "value" in line:
            set_last[line["value"][0], line["value"][1]] = line
    for line in set_last.values():  # where the last call was cut off, either value is right
        if "did" in line and tuple(line["value"]) not in is_there[line["did"]]:
            found.append(f"lost: {line}, there is {is_there[line['did']]}")
    return found
