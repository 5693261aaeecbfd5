"""A repair ends with a graph that works, says what was lost, and writes it into the audit trail."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from remembrancer.stores.embedded.files.directory import database_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Desk, Ran, Terminal

TASKS, ROUNDS = 5, 6
FIRED = TASKS * ROUNDS
ABSENT_AND_SCANNED = bytes.fromhex("0000000d000080000005000020020000218c00002316000024db0000261a").ljust(64, b"\0")
"""The directory of a file of five tasks that leads to nonsense which the engine says to be absent, and scans."""
HOLD = """
import fcntl, os, sys
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""
READ_ONLY_MOUNT = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'


@pytest.fixture(scope="module")
def one_sound(lived: Callable[[int, int], Path]) -> Path:
    """A graph with thirty executions, a deferral and a change, closed in good order."""
    return lived(TASKS, ROUNDS)


@pytest.fixture
def sound(one_sound: Path, desk: Desk) -> Path:
    """That graph, where the desk's commands look for it."""
    return Path(shutil.copytree(one_sound, desk.graph))


def bucket(folder: Path, label: str) -> Path:
    (found,) = database_path(folder).glob(f"{label}_0.*.bucket")
    return found


def garble(file: Path, head: bytes = b"") -> None:
    """Write nonsense over all but a file's first bytes, which say how many records the engine has to walk through.

    With *head*, these bytes too: the lengths of the records decide what the engine makes of the nonsense.
    """
    head = head or file.read_bytes()[:64]
    file.write_bytes(head + random.Random(7).randbytes(file.stat().st_size - len(head)))


def lose_second(file: Path) -> None:
    """Have the engine's directory of a file lead nowhere for the second of its records; indexes still name it."""
    text = bytearray(file.read_bytes())
    text[14:18] = bytes(4)
    file.write_bytes(text)


def garble_fourth(file: Path) -> None:
    """Have it lead to nonsense for the fourth."""
    text = bytearray(file.read_bytes())
    text[22:26] = b"\xff\x7f\xff\x7f"
    file.write_bytes(text)


def health(desk: Desk) -> dict[str, str]:
    return next(each for each in desk("doctor", "--json").json if each["check"] == "database")


def test_serve_refuses_a_graph_whose_tasks_are_garbled(terminal: Terminal, one_sound: Path) -> None:
    graph = Path(shutil.copytree(one_sound, terminal.graph))
    garble(bucket(graph, "scheduled_task"))
    ran = terminal.apart("serve", "--no-bolt", "--no-rest")
    said = " ".join(ran.err.split())

    assert ran.code == 4
    assert f"remembrancer check --repair --graph {graph}" in said
    assert "remembrancer restore" in said


def test_serve_refuses_a_graph_whose_tasks_are_wiped(terminal: Terminal, one_sound: Path) -> None:
    file = bucket(Path(shutil.copytree(one_sound, terminal.graph)), "scheduled_task")
    file.write_bytes(bytes(file.stat().st_size))
    ran = terminal.apart("serve", "--no-bolt", "--no-rest")

    assert ran.code == 4
    assert "No task of the graph" in ran.err


def test_serve_tells_of_a_lost_task_and_serves_the_others(terminal: Terminal, one_sound: Path) -> None:
    graph = Path(shutil.copytree(one_sound, terminal.graph))
    lose_second(bucket(graph, "scheduled_task"))
    process = terminal.begin("serve", "--json", "--no-bolt", "--no-rest")
    assert process.stdout
    fired: set[str] = set()
    while len(fired) < TASKS - 2 and (line := process.stdout.readline()):
        fired |= {told["task_id"]} if (told := json.loads(line)).get("event") == "execution" else set()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)

    assert len(fired) >= TASKS - 2
    assert "is damaged: missing: 1 task" in err


def test_serve_names_the_repair_of_a_damaged_page(terminal: Terminal, one_sound: Path) -> None:
    graph = Path(shutil.copytree(one_sound, terminal.graph))
    garble_fourth(bucket(graph, "scheduled_task"))
    process = terminal.begin("serve", "--json", "--no-bolt", "--no-rest")
    assert process.stderr
    line = " "
    while line and "damaged where this write goes" not in line:
        line = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)

    assert "check --repair" in line


@pytest.mark.parametrize("harm", [lose_second, garble_fourth])
@pytest.mark.parametrize(("label", "words", "whole"), [
    ("task_execution", ("history", "--limit", "1000"), FIRED),
    ("scheduled_task", ("list", "--all"), TASKS),
])  # fmt: skip
def test_a_list_leaves_out_one_record(
    desk: Desk, sound: Path, *, harm: Callable[[Path], None], label: str, words: tuple[str, ...], whole: int
) -> None:
    harm(bucket(sound, label))
    ran = desk(*words, "--json")

    assert ran.code == 0, ran
    assert len(ran.json) == whole - 1
    assert health(desk)["health"] == "critical"


def test_the_audit_trail_leaves_out_one_change(desk: Desk, sound: Path) -> None:
    before = len(desk("audit", "export").out.splitlines())
    lose_second(bucket(sound, "task_change"))
    ran = desk("audit", "export")

    assert (ran.code, len(ran.out.splitlines())) == (0, before - 1), ran


def test_the_doctor_counts_what_the_engine_still_counts(desk: Desk, sound: Path) -> None:
    lose_second(bucket(sound, "task_execution"))

    assert "missing: 1 execution" in health(desk)["saw"]


@pytest.mark.parametrize("head", [b"", ABSENT_AND_SCANNED], ids=["as it is", "absent and scanned"])
def test_a_garbled_file_of_tasks_is_repaired_at_once(desk: Desk, sound: Path, head: bytes) -> None:
    garble(bucket(sound, "scheduled_task"), head)
    repaired = desk("check", "--repair", "--json")
    again = desk("check", "--repair", "--json")

    assert (repaired.code, again.code) == (7, 0), (repaired, again)
    assert again.json["done"] == []
    assert repaired.json["lost"] == {"scheduled_task": TASKS}
    assert repaired.json["after"]["findings"] == []
    assert {task["status"] for task in desk.json("list", "--all")} == {"FAILED"}
    assert len(desk.json("history", "--limit", "1000")) == FIRED


def test_a_repaired_graph_is_backed_up_and_copied(desk: Desk, sound: Path) -> None:
    bucket(sound, "scheduled_task").unlink()
    assert desk("check", "--repair").code == 7
    backup, copied = str(desk.folder / "backup"), str(desk.folder / "copied")

    assert desk("backup", backup).code == 0
    assert desk("copy", str(sound), copied).code == 0
    assert desk("check", "--graph", backup).code == desk("check", "--graph", copied).code == 0


def test_a_repair_with_loss_is_on_record(desk: Desk, sound: Path) -> None:
    lose_second(bucket(sound, "task_execution"))
    assert desk("check", "--repair").code == 7
    last = json.loads(desk("audit", "export").out.splitlines()[-1])

    assert (last["action"], last["surface"]) == ("repair", "cli")
    assert last["after"]["lost"] == {"task_execution": 1}
    assert Path(last["after"]["kept_in"]).is_dir()


def test_a_repair_tells_before_from_after(desk: Desk, sound: Path) -> None:
    lose_second(bucket(sound, "task_execution"))
    out = desk("check", "--repair").out

    assert out.index("Before the repair:") < out.index("The repair, in 1 round:") < out.index("After the repair:")
    assert "Lost: 1 record labelled task_execution." in out
    assert "1 records" not in out


def test_a_graph_beyond_repair_is_told_of_backups(desk: Desk, sound: Path) -> None:
    for file in database_path(sound).glob("dictionary.*"):
        file.unlink()
    ran = desk("check", "--repair")
    said = " ".join(ran.err.split())

    assert ran.code == 4
    assert "remembrancer restore BACKUP" in said
    assert str(sound / "damaged") in said


def test_folders_of_killed_commands_go_at_the_next(desk: Desk, sound: Path) -> None:
    left = desk.folder / ".graph.abc.check"
    busy = desk.folder / ".graph.def.part"
    made = desk.folder / ".backup.ghi.part"
    for folder in (left, busy, made):
        folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(busy)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        long_ago = time.time() - 3600
        for folder in (left, busy, made):
            os.utime(folder, (long_ago, long_ago))
        backup = desk.folder / "backup"
        assert desk("backup", str(backup)).code == 0
        assert desk("check", "--graph", str(sound)).code == 0
        assert desk("check", "--graph", str(backup)).code == 0
        there = (left.exists(), busy.exists(), made.exists())
        assert holder.stdin
        holder.stdin.close()

    assert there == (False, True, False)


def mounted(terminal: Terminal, graph: Path, *words: str) -> Ran:
    """Run a command where the graph's folder is mounted to be read only; skip where that may not be done."""
    mount = ["unshare", "--mount", "sh", "-c", READ_ONLY_MOUNT, "sh", str(graph)]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*mount, "true"], check=False, capture_output=True, timeout=60).returncode
    ):
        pytest.skip("NOT TESTED: this user may not mount a folder to be read only")
    process = terminal.begin(*words, before=mount)
    out, err = process.communicate(timeout=120)
    return type(terminal("--version"))(process.returncode, out, err)


def test_a_folder_mounted_read_only_is_checked(terminal: Terminal, one_sound: Path) -> None:
    graph = Path(shutil.copytree(one_sound, terminal.graph))
    checked = mounted(terminal, graph, "check", "--json")
    examined = mounted(terminal, graph, "doctor", "--json")
    backed_up = mounted(terminal, graph, "backup", str(terminal.folder / "backup"))
    served = mounted(terminal, graph, "serve", "--no-bolt", "--no-rest")

    assert (checked.code, checked.json["findings"]) == (0, [])
    assert checked.json["graph"] == str(graph)
    saw = {each["check"]: each["saw"] for each in examined.json}
    assert "mounted read-only" in saw["database"]
    assert backed_up.code == 0, backed_up
    assert served.code == 4
    assert f"remembrancer check --graph {graph}" in " ".join(served.err.split())
    assert list(terminal.folder.glob(".graph*")) == []
