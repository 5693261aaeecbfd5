"""`copy`, `prune` and `schema`, as a person and as a machine use them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from remembrancer_schema.catalog import migrations

if TYPE_CHECKING:
    from conftest import Desk, Serve, Terminal, Until

FAR = ["--cron", "0 0 1 1 *", "--prompt", "p"]


def test_a_copy_says_what_it_copied_and_that_it_is_equal(desk: Desk) -> None:
    task_id = desk.json("schedule", "Yearly", *FAR)["task_id"]
    desk("run-now", task_id)
    copied = desk("copy", str(desk.graph), str(desk.folder / "copied"))

    assert (copied.code, copied.err) == (0, "")
    assert "in every count and digest" in " ".join(copied.out.split())
    assert desk.json("show", task_id) == desk.json("show", task_id, "--graph", str(desk.folder / "copied"))


def test_a_machine_reads_a_line_for_each_step(desk: Desk) -> None:
    desk("schedule", "Yearly", *FAR)
    ran = desk("copy", str(desk.graph), str(desk.folder / "copied"), "--json")
    events = [json.loads(line) for line in ran.out.splitlines()]

    assert {event["event"] for event in events[:-1]} == {"step"}
    counts = {part["name"]: part["count"] for part in events[-1]["copied"]["parts"]}
    assert (counts["scheduled_task"], counts["CREATED_BY"], counts["task_execution"]) == (1, 1, 0)


def test_a_copy_into_a_graph_with_tasks_exits_with_1(desk: Desk) -> None:
    other = str(desk.folder / "other")
    desk("schedule", "Yearly", *FAR)
    desk("schedule", "Another", *FAR, "--graph", other)
    refused = desk("copy", str(desk.graph), other)

    assert refused.code == 1
    assert "holds 1 time, 1 scheduled_task," in " ".join(refused.err.split())


def test_a_graph_that_is_served_is_not_copied(terminal: Terminal, serve: Serve) -> None:
    serve("--no-bolt")
    refused = terminal("copy", str(terminal.graph), "copied", "--json")

    assert refused.code == 4
    assert json.loads(refused.err)["error"]["type"] == "GraphLocked"


def test_what_is_rolled_up_is_told_beside_what_is_left(desk: Desk) -> None:
    task_id = desk.json("schedule", "Yearly", *FAR)["task_id"]
    desk("run-now", task_id)
    counted = desk.json("status")["metrics"]
    foretold = desk.json("prune", "--keep", "0d", "--dry-run")["retained"]
    assert len(desk.json("history")) == 1
    done = desk.json("prune", "--keep", "0d")["retained"]

    assert (foretold["executions"], foretold["summaries"]) == (done["executions"], done["summaries"]) == (1, 1)
    assert [row["action"] for row in desk.json("history", task_id)] == ["run_now", "create"]  # of runs, none
    assert "1 older executions" in desk("history", task_id).out
    assert desk.json("status")["metrics"]["avg_task_execution_time"] == counted["avg_task_execution_time"] > 0


def test_a_running_scheduler_rolls_up_for_whoever_asks(terminal: Terminal, serve: Serve) -> None:
    serve("--no-bolt")
    task_id = terminal.json("schedule", "Yearly", *FAR)["task_id"]
    terminal("run-now", task_id)

    assert terminal.json("prune", "--keep", "0d")["retained"]["executions"] == 1
    assert "1 older executions" in terminal("history").out


def test_a_scheduler_with_a_retention_rolls_up_by_itself(terminal: Terminal, serve: Serve, until: Until) -> None:
    terminal("run-now", terminal.json("schedule", "Yearly", *FAR)["task_id"])
    assert len(terminal.json("history")) == 1
    serve("--no-bolt", "--execution-retention-days", "0h")
    until(lambda: "1 older executions" in terminal("history").out, "its only execution's being rolled up")

    assert terminal.json("history") == []


@pytest.mark.parametrize("keep", ["90", "d", "-1d", "forever"])
def test_a_time_to_keep_needs_a_unit(desk: Desk, keep: str) -> None:
    refused = desk("prune", f"--keep={keep}")
    assert refused.code == 2
    assert "90d" in refused.err


def test_the_schema_is_printed_as_statements_for_cypher_shell(desk: Desk) -> None:
    printed = desk("schema").out
    statements = printed.split(";\n")

    assert statements[-1] == ""
    declared = [text.split()[2] for text in statements if text.startswith("CREATE")]
    assert declared == [name for name in declared if name.startswith("remembrancer_")]
    steps = migrations("neo4j")
    assert len(declared) == sum(text.startswith("CREATE") for step in steps for text in step.statements)
    assert statements[-2].endswith(f"SET g.schema_version = {steps[-1].version}")
