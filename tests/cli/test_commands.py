"""Each command by itself: what it prints, for people and for machines, and its exit code."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from remembrancer.cli import app

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Desk, Terminal


GROUP = typer.main.get_command(app)
COMMANDS = [
    words
    for name, command in GROUP.commands.items()
    for words in ([[name, each] for each in command.commands] if hasattr(command, "commands") else [[name]])
    if not command.hidden
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_of_each_command_teaches_by_example(words: list[str]) -> None:
    help_text = CliRunner().invoke(app, [*words, "--help"], prog_name="remembrancer").output

    assert f"remembrancer {' '.join(words)}" in help_text.split("For example:")[1]
    assert "--json" in help_text


def test_the_help_says_what_the_exit_codes_mean() -> None:
    help_text = " ".join(CliRunner().invoke(app, ["--help"]).output.split())

    for meaning in ("0 done", "1 refused or failed", "2 a wrong option or value", "3 no such task", "4 the graph is"):
        assert meaning in help_text


def test_a_task_is_scheduled_listed_shown_and_cancelled(terminal: Terminal) -> None:
    words = ["schedule", "Plants", "--in", "1h", "--prompt", "Water [them]", "--context", '{"room": "hall"}']
    reply = terminal.apart(*words, "--json").json
    listed = terminal.apart("list", "--json").json
    shown = terminal.apart("show", reply["task_id"])
    cancelled = terminal.apart("cancel", reply["task_id"])
    left = terminal.apart("list")

    assert [task["task_id"] for task in listed] == [reply["task_id"]]
    assert (listed[0]["status"], listed[0]["context"], listed[0]["schedule_cron"]) == (
        "PENDING",
        {"room": "hall"},
        None,
    )
    assert reply["next_fires"] == [reply["defer_until"]]
    assert datetime.fromisoformat(reply["created_at"]).utcoffset().total_seconds() == 0
    assert reply["created_at"].endswith("Z")
    assert (shown.code, "Water [them]" in shown.out, "It has not fired yet." in shown.out) == (0, True, True)
    assert (cancelled.code, cancelled.out.strip()) == (0, f"{reply['task_id']} is cancelled: Plants")
    assert left.out.strip() == "No tasks to come."


def test_a_list_shows_the_fires_asked_for(desk: Desk) -> None:
    desk("schedule", "Tea", "--cron", "0 9 1 1 *", "--prompt", "p")
    bare, asked = desk("list", "--json").json, desk("list", "--next-fires", "2", "--json").json

    assert (bare[0]["next_fires"], len(asked[0]["next_fires"])) == (None, 2)
    assert "next fires" in desk("list", "--next-fires", "2").out
    assert "next fires" not in desk("list").out
    assert desk("list", "--next-fires", "0").code == 2


def test_listing_makes_no_graph_and_fires_nothing(desk: Desk) -> None:
    missing = desk("list")
    desk.json("schedule", "Late", "--at", "2025-01-01T00:00:00Z", "--prompt", "x")
    listed = desk.json("list")
    recalled = desk("history")

    assert (missing.code, "There is no graph" in missing.err, missing.out) == (4, True, "")
    assert [task["status"] for task in listed] == ["PENDING"]
    assert recalled.out.strip() == "Nothing has fired yet."


def test_run_now_without_a_server_runs_the_task_in_this_process(desk: Desk) -> None:
    task_id = desk.json("schedule", "Plants", "--cron", "0 9 * * *", "--prompt", "Water them")["task_id"]

    ran = desk("run-now", task_id, "--json")
    thoughts = desk.json(
        "cypher",
        "MATCH (e:task_execution {execution_id: $id})-[:CREATED_THOUGHT]->(h:thought) RETURN h.content AS content",
        "--param",
        f"id={ran.json['execution_id']}",
    )

    assert (ran.code, ran.json["status"], ran.json["execution_type"]) == (0, "completed", "manual_trigger")
    assert "in this process, with the default handler" in ran.err
    assert thoughts == [{"content": "Water them"}]
    assert [task["status"] for task in desk.json("list")] != []


def test_cypher_answers_rows_as_objects_with_moments_in_utc(desk: Desk) -> None:
    desk.json("schedule", "Plants", "--at", "2090-01-01T10:00:00+01:00", "--prompt", "x")
    query = "MATCH (t:scheduled_task) RETURN t.name AS name, t.defer_until AS at, 1 AS one, null AS nothing"

    rows = desk.json("cypher", "-", stdin=query)
    table = desk("cypher", query)
    writing = desk("cypher", "CREATE (:thought {thought_id: 'mine'})")

    assert datetime.fromisoformat(rows[0].pop("at")) == datetime(2090, 1, 1, 9, tzinfo=UTC)
    assert rows == [{"name": "Plants", "one": 1, "nothing": None}]
    assert "Plants  2090-01-01T09:00" in table.out
    assert (writing.code != 0, "Traceback" in writing.err) == (True, False)


def test_preview_shows_the_next_fires_and_clock_changes(desk: Desk) -> None:
    words = ("preview", "30 2 * * *", "-z", "Europe/Berlin", "--after", "2027-03-27T12:00:00Z", "-n", "2")

    fires = desk.json(*words)["fires"]
    skipped = desk.json(*words, "--gap", "skip")["fires"]

    assert [fire["at"] for fire in fires] == ["2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"]
    assert "does not exist on 2027-03-28" in fires[0]["note"]
    assert [fire["at"] for fire in skipped] == ["2027-03-29T00:30:00Z", "2027-03-30T00:30:00Z"]
    assert not desk.graph.exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["list", "--no-such-option"], 2),
        (["schedule", "X", "--prompt", "x"], 2),
        (["schedule", "X", "--prompt", "x", "--in", "soon"], 2),
        (["schedule", "X", "--prompt", "x", "--in", "1h", "--at", "2090-01-01T00:00:00Z"], 2),
        (["schedule", "X", "--prompt", "x", "--cron", "0 0 31 2 *"], 2),
        (["schedule", "X", "--prompt", "x", "--in", "1h", "--context", "[]"], 2),
        (["preview", "* * *"], 2),
        (["preview", "0 9 * * *", "-z", "Berlin"], 2),
        (["list", "--graph", "http://nowhere.invalid"], 2),
        (["list", "--graph", "bolt://nowhere.invalid"], 4),
        (["serve", "--handler", "no_such_module:handle"], 2),
        (["import", "crontab", "no-such-file"], 2),
        (["status"], 4),
        (["list", "--graph", __file__], 4),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_failure_is_one_block_on_stderr_and_an_exit_code(words: list[str], code: int, tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, words, env={"REMEMBRANCER_GRAPH": str(tmp_path / "graph")})

    assert (ran.exit_code, ran.stdout) == (code, "")
    assert ran.stderr.strip() != ""
    assert "Traceback" not in ran.stderr


def test_an_error_for_machines_is_json_too(desk: Desk) -> None:
    ran = desk("schedule", "X", "--cron", "61 * * * *", "--prompt", "x", "--json")

    told = json.loads(ran.err)["error"]
    assert (told["type"], told["field"], told["value"]) == ("InvalidInput", "schedule_cron", "61 * * * *")
    assert {"message", "allowed", "example"} <= told.keys()
