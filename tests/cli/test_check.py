"""`check` finds every kind of damage at rest, and `check --repair` makes the best of what is left."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer.bootstrap import open_store
from remembrancer.stores.embedded.files.directory import database_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Desk, Serve, Terminal

TASKS, ROUNDS = 10, 20
FIRED = TASKS * ROUNDS


@pytest.fixture(scope="module")
def one_sound(lived: Callable[[int, int], Path]) -> Path:
    """A graph with two hundred executions, a deferral and a few changes, closed in good order."""
    return lived(TASKS, ROUNDS)


@pytest.fixture
def sound(one_sound: Path, desk: Desk) -> Path:
    """That graph, where the desk's commands look for it."""
    return Path(shutil.copytree(one_sound, desk.graph))


def files(folder: Path, pattern: str) -> list[Path]:
    return sorted(database_path(folder).glob(pattern))


def delete(file: Path) -> None:
    file.unlink()


def wipe(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def empty(file: Path) -> None:
    os.truncate(file, 0)


def garble(file: Path) -> None:
    """Write nonsense over all of a file."""
    file.write_bytes(bytes(number * number * 37 % 251 for number in range(file.stat().st_size)))


def garble_behind_head(file: Path) -> None:
    """Write nonsense over all but a file's first bytes, which say how many records the engine has to walk through."""
    head = file.read_bytes()[:64]
    garble(file)
    file.write_bytes(head + file.read_bytes()[64:])


def scribble(file: Path) -> None:
    """Write nonsense over the first records of a bucket: behind its directory, of eight kilobytes."""
    text = bytearray(file.read_bytes())
    text[8300:8700] = bytes(number * 37 % 251 for number in range(400))
    file.write_bytes(text)


async def write(folder: Path, *statements: str) -> None:
    """Write what no query of the catalogue writes."""
    store: Any = await open_store(folder)
    database = store._connection._database
    with database.transaction():
        for statement in statements:
            database.command("opencypher", statement)
    await store.close()


def parts(report: dict[str, Any]) -> set[str]:
    return {each["part"] for each in report["findings"]}


def test_a_sound_graph_is_said_to_be_sound(desk: Desk, sound: Path) -> None:
    before = {path.name for path in database_path(sound).iterdir()}
    people, machines = desk("check"), desk("check", "--json")

    assert (people.code, machines.code) == (0, 0)
    assert "is sound" in people.out
    assert machines.json["findings"] == []
    assert machines.json["read"]["task_execution"] == FIRED
    assert {path.name for path in database_path(sound).iterdir()} == before


WITH_LOSS = {"task_execution_0.*.bucket", "scheduled_task_0.*.bucket", "event_batch_0.*.bucket"}
"""Files with what follows from nothing else: a repair brings none of it back."""
DAMAGES: list[tuple[str, Callable[[Path], None], str, int]] = [
    ("task_execution_0.*.bucket", delete, "statistics", 6),
    ("task_execution_0.*.bucket", wipe, "statistics", 6),
    ("task_execution_0.*.bucket", scribble, "engine", 6),
    ("task_execution_0_*idx", delete, "index", 5),
    ("task_execution_0_*idx", wipe, "index", 5),
    ("scheduled_task_0_*.n*idx", wipe, "index", 5),
    ("task_execution_0_out_edges.*", delete, "edge", 6),
    ("task_execution_0_out_edges.*", garble, "engine", 6),
    ("time_0_in_edges.*", garble, "engine", 6),
    ("remembrancer_graph_0_*idx", garble, "index", 5),
    ("EXECUTION_OF_0.*", delete, "edge", 6),
    ("scheduled_task_0.*.bucket", garble_behind_head, "engine", 6),
    ("lifetime_statistics_0.*.bucket", wipe, "statistics", 6),
    ("hourly_statistics_0.*.bucket", delete, "statistics", 5),
    ("event_batch_0.*.bucket", delete, "event", 5),
    ("remembrancer_graph_0.*.bucket", delete, "index", 5),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: f"{damage[1].__name__} {damage[0]}")
def test_damage_to_a_file_is_found_and_repaired(
    desk: Desk, sound: Path, damage: tuple[str, Callable[[Path], None], str, int]
) -> None:
    pattern, harm, part, code = damage
    for file in files(sound, pattern):
        harm(file)
    found = desk("check", "--json")
    repaired = desk("check", "--repair", "--json")
    again = desk("check", "--json")

    assert found.code == code, found
    assert part in parts(found.json)
    repaired_code = 7 if pattern in WITH_LOSS else 0
    assert (repaired.code, again.code, again.json["findings"]) == (repaired_code, 0, []), (repaired, again)
    assert parts(repaired.json["before"]) == parts(found.json)
    assert repaired.json["done"]
    kept = Path(repaired.json["set_apart"])
    assert kept.parent == sound / "damaged"
    assert any(database_path(kept).iterdir())
    assert [kept.stat().st_mode & 0o777, database_path(kept).stat().st_mode & 0o777] == [0o700, 0o700]
    assert desk.json("schedule", "Later", "--in", "1h", "--prompt", "p")["task_id"]
    assert desk("check").code == 0


@pytest.mark.parametrize(
    ("pattern", "harm"),
    [("task_execution_0.*.bucket", delete), ("EXECUTION_OF_0.*", delete), ("EXECUTION_OF_0.*", empty)],
)
def test_a_damaged_graph_is_not_copied_as_if_it_were_whole(
    desk: Desk, sound: Path, pattern: str, harm: Callable[[Path], None]
) -> None:
    for file in files(sound, pattern):
        harm(file)
    refused = desk("copy", str(sound), str(desk.folder / "copied"))
    backed_up = desk("backup", str(desk.folder / "backup"))

    assert (refused.code, backed_up.code) == (4, 4)
    assert "check --repair" in " ".join(refused.err.split())
    assert not (desk.folder / "backup").exists()


def test_a_damaged_index_is_not_copied_as_if_it_were_whole(desk: Desk, sound: Path) -> None:
    (file,) = files(sound, "task_execution_0_*.umtidx")  # the index of ids, which is unique
    text = bytearray(file.read_bytes())
    text[64:4096] = bytes(4032)  # the places of most entries of its page
    file.write_bytes(text)
    found, refused = desk("check", "--json"), desk("copy", str(sound), str(desk.folder / "copied"))

    assert found.code >= 5, found
    assert refused.code == 4, refused


def test_the_doctor_calls_missing_records_critical(desk: Desk, sound: Path) -> None:
    assert {each["check"]: each["health"] for each in desk("doctor", "--json").json}["database"] == "ok"
    for file in files(sound, "task_execution_0.*.bucket"):
        delete(file)
    told = {each["check"]: each for each in desk("doctor", "--json").json}

    assert told["database"]["health"] == "critical"
    assert "remembrancer check" in told["database"]["saw"]


def test_a_torn_log_is_a_finding_and_its_loss_is_accepted(desk: Desk, sound: Path) -> None:
    (database_path(sound) / "txlog_0.wal.corrupt").write_bytes(b"torn")
    found = desk("check", "--json")
    repaired = desk("check", "--repair", "--json")

    assert (found.code, parts(found.json)) == (6, {"log"})
    assert repaired.code == 0, repaired
    kept = database_path(Path(repaired.json["set_apart"])) / "txlog_0.wal.corrupt"
    assert kept.read_bytes() == b"torn"


def test_a_graph_that_cannot_be_opened_is_a_finding(desk: Desk, sound: Path) -> None:
    for file in files(sound, "dictionary.*"):
        delete(file)
    found, repaired = desk("check", "--json"), desk("check", "--repair")

    assert (found.code, parts(found.json)) == (6, {"engine"})
    assert repaired.code == 4


SPOILED = [
    ("scheduled_task", "t.name = [1, 2]", "task_id"),
    ("scheduled_task", "t.created_at = 'once'", "task_id"),
    ("scheduled_task", "t.context = 'no object'", "task_id"),
    ("task_execution", "t.triggered_at = 7", "execution_id"),
    ("task_execution", "t.status = null", "execution_id"),
    ("task_deferral", "t.deferred_until = 'soon'", "deferral_id"),
    ("task_change", "t.after = 'no object'", "change_id"),
    ("hourly_statistics", "t.failure_texts = ['a', 'b']", "hour_id"),
    ("event_batch", "t.events = 'no list', t.events_compressed = null", "batch_key"),
]


@pytest.mark.parametrize(("label", "spoil", "key"), SPOILED)
def test_an_unreadable_record_is_found_and_kept_apart(
    desk: Desk, sound: Path, label: str, spoil: str, key: str
) -> None:
    asyncio.run(write(sound, f"MATCH (t:{label}) WITH t ORDER BY t.{key} LIMIT 1 SET {spoil}"))
    found = desk("check", "--json")
    repaired = desk("check", "--repair", "--json")

    assert (found.code, "record" in parts(found.json)) == (6, True), found
    assert (repaired.code, repaired.json["apart"]) == (0 if label == "hourly_statistics" else 7, {label: 1}), repaired
    (line,) = (Path(repaired.json["set_apart"]) / "unreadable.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["label"] == label
    assert desk("check").code == 0
    if label == "scheduled_task":  # its executions keep the task that they are of
        ended = {task["status"] for task in desk.json("list", "--all")}
        assert "FAILED" in ended


def test_what_is_derived_is_found_wrong_and_written_again(desk: Desk, sound: Path) -> None:
    asyncio.run(
        write(
            sound,
            "MATCH (t:scheduled_task) WHERE t.status = 'ACTIVE' WITH t LIMIT 1 "
            "SET t.due_key = null, t.status_index_key = 'x'",
            "MATCH (:task_execution)-[x:EXECUTION_OF]->() WITH x LIMIT 3 DELETE x",
            "MATCH (:scheduled_task)-[x:CREATED_BY]->() WITH x LIMIT 1 DELETE x",
            "MATCH (:scheduled_task)-[x:SCHEDULED_FOR]->() WITH x LIMIT 1 DELETE x",
            "MATCH (e:task_execution) WITH e ORDER BY e.execution_id LIMIT 1 "
            "SET e.status = 'running', e.completed_at = null",
            "MATCH (h:hourly_statistics) SET h.executions_started = 1",
            "MATCH (x:cron_expression) SET x.open_tasks = 77",
        )
    )
    found = desk("check", "--json")
    repaired = desk("check", "--repair", "--json")

    assert found.code == 6
    assert parts(found.json) == {"index", "edge", "lease", "statistics"}
    assert repaired.code == 0, repaired
    assert desk.json("status")["metrics"]["cron_trigger_count"] == FIRED
    assert desk("serve", "--help").code == 0


def test_the_books_that_are_derived_equal_those_that_were_kept(desk: Desk, sound: Path) -> None:
    counted = desk.json("status")["metrics"]
    hours = "MATCH (h:hourly_statistics) RETURN h ORDER BY h.hour_id"
    before = desk.json("cypher", hours)
    asyncio.run(write(sound, "MATCH (c:lifetime_statistics) SET c.tasks_created = 1"))
    assert desk("check", "--repair").code == 0

    assert desk.json("status")["metrics"] == counted
    assert desk.json("cypher", hours) == before


def test_a_graph_that_is_served_is_checked_and_not_repaired(terminal: Terminal, serve: Serve) -> None:
    serve("--no-bolt")
    task_id = terminal.json("schedule", "Yearly", "--cron", "0 0 1 1 *", "--prompt", "p")["task_id"]
    terminal("run-now", task_id)
    found, refused = terminal("check", "--json"), terminal("check", "--repair", "--json")

    assert (found.code, found.json["findings"]) == (0, []), found
    assert found.json["read"]["scheduled_task"] == 1
    assert (refused.code, json.loads(refused.err)["error"]["type"]) == (4, "GraphLocked")
    assert sorted(path.name for path in terminal.folder.glob(".graph*")) == []


def test_a_folder_that_is_no_graph_is_refused(desk: Desk) -> None:
    assert desk("check").code == 4
