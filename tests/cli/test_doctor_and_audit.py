"""`doctor`, `audit export`, `history` of one task, and `serve --metrics-port`, as a person uses them."""

from __future__ import annotations

import asyncio
import getpass
import json
import re
import signal
import urllib.request
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from remembrancer.bootstrap import open_store

if TYPE_CHECKING:
    from conftest import Desk, Serve, Terminal, Until


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_doctor_exits_with_its_worst_finding_and_says_the_remedy(desk: Desk) -> None:
    desk.json("schedule", "Plants", "--in", "1h", "--prompt", "x")
    people, machines = desk("doctor"), desk("doctor", "--json")

    told = {each["check"]: each for each in machines.json}
    assert (people.code, machines.code) == (5, 5)
    assert len(told) == 10
    assert (told["service"]["health"], told["service"]["number"]) == ("warn", 6)
    assert "no scheduler runs on this graph" in people.out
    assert "Start `remembrancer serve`" in people.out
    assert told["limits"]["health"] == "ok"


def test_work_that_nobody_does_is_critical(desk: Desk) -> None:
    task = desk.json("schedule", "Plants", "--in", "1h", "--prompt", "x")["task_id"]
    moved = "MATCH (t:scheduled_task {task_id: $id}) SET t.next_run_ms = 1000, t.due_key = 1000000000"
    asyncio.run(written(desk, moved, task))

    assert desk("doctor").code == 6


async def written(desk: Desk, statement: str, task_id: str) -> None:
    store: Any = await open_store(desk.graph)
    store._connection._database.command("opencypher", statement, {"id": task_id})
    await store.close()


def test_the_rules_are_printed_without_a_graph(desk: Desk) -> None:
    printed = desk("doctor", "--rules")

    assert printed.code == 0
    assert len(yaml.safe_load(printed.out)["groups"][0]["rules"]) == 10
    assert not desk.graph.exists()


def test_who_did_what_is_exported_and_stands_in_the_history(desk: Desk) -> None:
    first = desk.json("schedule", "Plants", "--in", "1h", "--prompt", "x")["task_id"]
    second = desk.json("schedule", "Passport", "--in", "2h", "--prompt", "x")["task_id"]
    desk("defer", first, "--until", "+3h", "--reason", "It rains")
    desk("run-now", second)
    desk("cancel", first, "--reason", "They are plastic")
    whole = lines(desk("audit", "export").out)
    one = lines(desk("audit", "export", "--task", first).out)
    recent = lines(desk("audit", "export", "--since", whole[2]["at"]).out)
    for zone in ("UTC", "Asia/Kolkata"):
        since = f"{datetime.fromisoformat(whole[2]['at']).astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S}"
        assert lines(desk("audit", "export", "--since", since, "-z", zone).out)[-3:] == whole[2:]
        assert desk("history", "--since", since, "--zone", zone).code == 0
        assert desk("export", "ical", "--from", since, "--timezone", zone).code == 0
    assert desk("history", "--since", "2026-08-01T09:00", "-z", "Berlin").code == 2
    told = desk.json("history", first)
    table = desk("history", first).out
    missing = desk("audit", "export", "--task", "task_of_nobody")

    assert [each["action"] for each in whole] == ["create", "create", "defer", "run_now", "cancel"]
    assert {(each["surface"], each["actor"]) for each in whole} == {("cli", getpass.getuser())}
    assert [each["action"] for each in one] == ["create", "defer", "cancel"]
    assert recent == whole[2:]
    assert [each["action"] for each in told] == ["cancel", "defer", "create"]
    assert one[2]["after"] == {"status": "CANCELLED", "next_run_ms": None}
    assert "They are plastic" in table
    assert missing.code == 3


def test_executions_and_changes_stand_among_each_other_in_time(desk: Desk) -> None:
    task = desk.json("schedule", "Plants", "--cron", "0 9 * * *", "--prompt", "x")["task_id"]
    desk("run-now", task)
    desk("cancel", task)
    told = [each.get("action", each.get("status")) for each in desk.json("history", task)]

    assert told[0] == "cancel"
    assert sorted(told[1:3]) == ["completed", "run_now"]
    assert told[3:] == ["create"]


def test_an_import_is_on_record_as_one(desk: Desk) -> None:
    (desk.folder / "tab").write_text("@daily  water --hall\n")
    desk("import", "crontab", str(desk.folder / "tab"))
    (made,) = lines(desk("audit", "export").out)

    assert (made["action"], made["surface"], made["actor"]) == ("create", "import", getpass.getuser())
    assert made["after"]["schedule_cron"] == "@daily"


def test_what_is_done_to_the_graph_is_on_record_too(desk: Desk) -> None:
    task = desk.json("schedule", "Plants", "--in", "1h", "--prompt", "x")["task_id"]
    desk("run-now", task)
    desk("token", "create", "--name", "dashboard")
    desk("token", "revoke", "dashboard")
    desk("token", "revoke", "dashboard")
    desk("prune", "--keep", "0h", "--dry-run")
    desk("prune", "--keep", "0h")
    desk("prune", "--keep", "0h")
    copied = str(desk.folder / "copied")
    desk("copy", str(desk.graph), copied)
    whole = lines(desk("audit", "export").out)
    of_copy = lines(desk("audit", "export", "--graph", copied).out)
    recent = lines(desk("audit", "export", "--graph", copied, "--since", of_copy[-1]["at"]).out)

    assert [each["action"] for each in whole] == ["create", "run_now", "create_token", "revoke_token", "prune"]
    assert {(each["surface"], each["actor"]) for each in of_copy} == {("cli", getpass.getuser())}
    assert [each["task_id"] is None for each in whole] == [False, False, True, True, True]
    assert (of_copy[:-1], recent) == (whole, of_copy[-1:])
    assert (of_copy[-1]["action"], of_copy[-1]["after"]) == ("copy", {"copied_from": str(desk.graph.resolve())})


DRY = """
def handle(firing):
    if firing.task.name == "Cactus":
        raise ValueError("too dry")
"""


@pytest.mark.slow
def test_calls_through_serve_are_audited_by_actor_and_measured(terminal: Terminal, serve: Serve, until: Until) -> None:
    (terminal.folder / "dry.py").write_text(DRY)
    serving = serve("--metrics-port", "0", "--no-bolt", "--handler", "dry:handle")
    beacon = serving.beacon
    task = terminal.json("schedule", "Plants", "--in", "0.2s", "--prompt", "x")["task_id"]
    until(lambda: [e for e in terminal.json("history") if e["status"] == "completed"], "the task's completion")
    examined = terminal("doctor", "--json")
    cactus = terminal.json("schedule", "Cactus", "--in", "1h", "--prompt", "x")["task_id"]
    token = terminal.json("token", "create", "--name", "ada", "--scope", "write")["token"]
    headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "mine-1"}
    address = f"http://127.0.0.1:{beacon['rest_port']}/v1/scheduler/tasks/{cactus}/run"
    with urllib.request.urlopen(urllib.request.Request(address, b"", headers), timeout=60):
        until(lambda: [e for e in terminal.json("history") if e["status"] == "failed"], "the cactus's failure")
    whole = lines(terminal("audit", "export").out)
    told = terminal.json("history", task)
    with urllib.request.urlopen(f"http://127.0.0.1:{beacon['metrics_port']}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    log = serving.end(signal.SIGTERM).err

    me = getpass.getuser()
    assert [(each["action"], each["surface"], each["actor"]) for each in whole] == [
        ("create", "cli", me),
        ("create", "cli", me),
        ("create_token", "cli", me),
        ("run_now", "rest", "ada"),
    ]
    assert re.search(r" WARNING \[mine-1\] The handler of Cactus .* raised", log)
    assert [each.get("action", each.get("status")) for each in told] == ["completed", "create"]
    assert {each["check"]: each["health"] for each in examined.json}["service"] == "ok"
    assert re.search(r'scheduler_executions_total\{.*"one_time_trigger",scheduler_outcome="completed"} 1\.0', text)
    assert "scheduler_loop_running 1.0" in text
