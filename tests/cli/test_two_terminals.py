"""One terminal serves; others, and drivers, reach the same live graph."""

from __future__ import annotations

import signal
import stat
from typing import TYPE_CHECKING

import neo4j
import pytest
from neo4j.exceptions import ClientError, Neo4jError

if TYPE_CHECKING:
    from conftest import Serve, Terminal, Until

HANDLER = """
import asyncio
from remembrancer import Done, Failed

async def handle(firing):
    if firing.trigger_prompt == "take a while":
        print("under way", flush=True)
        await asyncio.sleep(1)
    if firing.trigger_prompt == "fail":
        return Failed("as asked")
    return Done(result=firing.trigger_prompt.upper())
"""


def test_a_task_of_one_terminal_is_fired_by_serve_in_another(terminal: Terminal, serve: Serve, until: Until) -> None:
    (terminal.folder / "agent.py").write_text(HANDLER)
    serving = serve("--handler", "agent:handle")

    reply = terminal.apart("schedule", "Call Ada", "--in", "0.3s", "--prompt", "call ada", "--json").json
    done = until(lambda: [e for e in terminal.json("history") if e["status"] == "completed"], "the task's completion")

    assert [(e["task_id"], e["result"]) for e in done] == [(reply["task_id"], "CALL ADA")]
    status = terminal.json("status")
    assert (status["running"], status["is_healthy"], status["metrics"]["scheduled_tasks_completed"]) == (True, True, 1)
    ended = serving.end(signal.SIGINT)
    assert (ended.code, ended.err) == (0, "")
    assert '"event": "execution", "status": "completed"' in ended.out


def test_serve_waits_for_what_is_under_way_when_it_is_stopped(terminal: Terminal, serve: Serve) -> None:
    (terminal.folder / "agent.py").write_text(HANDLER)
    serving = serve("--handler", "agent:handle", "--no-bolt")
    terminal.json("schedule", "Slow", "--in", "0.1s", "--prompt", "take a while")
    assert serving.process.stdout is not None
    assert serving.process.stdout.readline() == "under way\n"

    ended = serving.end(signal.SIGTERM)

    assert (ended.code, ended.err) == (0, "")
    assert [(e["status"], e["result"]) for e in terminal.json("history")] == [("completed", "TAKE A WHILE")]


def test_every_act_reaches_the_serving_process(terminal: Terminal, serve: Serve) -> None:
    (terminal.folder / "agent.py").write_text(HANDLER)
    serve("--handler", "agent:handle", "--no-bolt")
    task_id = terminal.json("schedule", "Report", "--cron", "0 9 * * *", "--prompt", "fail")["task_id"]

    ran = terminal("run-now", task_id, "--json")
    deferred = terminal.json("defer", task_id, "--until", "+2d", "--reason", "Ada is away")
    shown = terminal.json("show", task_id)
    cancelled = terminal.json("cancel", task_id, "--reason", "done with it")
    again = terminal("cancel", task_id, "--json")

    assert (ran.code, ran.json["status"], ran.json["reason"]) == (1, "failed", "as asked")
    assert deferred["deferral_count"] == 1
    assert shown["deferral_history"][0]["reason"] == "Ada is away"
    assert [e["execution_type"] for e in shown["executions"]] == ["manual_trigger"]
    assert cancelled == {"task_id": task_id, "cancelled": True, "stopping": [], "warnings": []}
    assert (again.code, again.json["cancelled"]) == (1, False)


def test_a_refusal_over_the_channel_reads_like_a_local_one(terminal: Terminal, serve: Serve) -> None:
    words = ("schedule", "X", "--cron", "61 * * * *", "--prompt", "x", "--json")
    at_home = terminal(*words)
    serve("--no-bolt")

    over_there = terminal(*words)
    unknown = terminal("show", "task_of_nobody")

    assert over_there == at_home
    assert (over_there.code, '"field": "schedule_cron"' in over_there.err) == (2, True)
    assert (unknown.code, "task_of_nobody" in unknown.err, unknown.out) == (3, True, "")


def test_a_driver_reads_the_live_graph_and_writes_nothing(terminal: Terminal, serve: Serve) -> None:
    serving = serve()
    terminal.json("schedule", "Plants", "--in", "1h", "--prompt", "Water them")
    beacon = serving.beacon
    uri = f"bolt://{beacon['host']}:{beacon['bolt_port']}"
    writing = (
        "CREATE (:thought {thought_id: 'mine'})",
        "MATCH (t:scheduled_task) SET t.name = 'mine'",
        "MATCH (t:scheduled_task) DETACH DELETE t",
        "CREATE (:of_my_own)",
    )

    with neo4j.GraphDatabase.driver(uri, auth=(beacon["bolt_user"], beacon["bolt_password"])) as driver:
        read = "MATCH (t:scheduled_task)-[:CREATED_BY]->(h:thought) RETURN t.name AS task, h.thought_id AS thought"
        before = driver.execute_query(read).records
        for query in writing:
            with pytest.raises(ClientError, match="Forbidden"):
                driver.execute_query(query)
        after = driver.execute_query(read).records

    assert [record.data() for record in before] == [{"task": "Plants", "thought": "command_line"}]
    assert after == before


@pytest.mark.parametrize("name", ["reader", "root"])
def test_nobody_gets_in_without_the_password(terminal: Terminal, serve: Serve, name: str) -> None:
    beacon = serve().beacon
    uri = f"bolt://{beacon['host']}:{beacon['bolt_port']}"
    with neo4j.GraphDatabase.driver(uri, auth=(name, "playwithdata")) as driver, pytest.raises(Neo4jError):
        driver.execute_query("RETURN 1")


def test_the_secrets_are_the_owners_only_and_go_with_the_process(terminal: Terminal, serve: Serve) -> None:
    serving = serve()
    beacon = terminal.graph / "serve.json"

    mode = stat.S_IMODE(beacon.stat().st_mode)
    printed = serving.end(signal.SIGTERM)

    assert mode == 0o600
    assert not beacon.exists()
    assert serving.beacon["token"] not in printed.out
    assert serving.beacon["bolt_password"] not in printed.out
    assert [task["name"] for task in terminal.json("list", "--all")] == []


def test_a_beacon_left_by_a_killed_process_is_passed_by(terminal: Terminal, serve: Serve) -> None:
    serving = serve()
    terminal.json("schedule", "Plants", "--in", "1h", "--prompt", "Water them")

    serving.end(signal.SIGKILL)

    assert (terminal.graph / "serve.json").exists()
    assert [task["name"] for task in terminal.json("list")] == ["Plants"]
    assert terminal.json("status")["running"] is False


def test_a_second_serve_on_the_same_graph_says_who_holds_it(terminal: Terminal, serve: Serve) -> None:
    serve()

    second = terminal.apart("serve")

    assert second.code == 4
    assert "held by another process" in second.err
    assert "Traceback" not in second.err
