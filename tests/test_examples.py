"""Examples: each program runs, and the day of an agent is played once, with the graph it leaves."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import httpx
import pytest

from remembrancer import TaskSchedulerService
from remembrancer_schema.catalog import query

DAY = Path(__file__).resolve().parents[1] / "examples/day.py"
DICTIONARY = DAY.parents[1] / "graph_schema/remembrancer_schema/README.md"
pytestmark = [pytest.mark.slow]


def play(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(DAY), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples") / "day"


@pytest.fixture(scope="module")
def played(folder: Path) -> subprocess.CompletedProcess[str]:
    """Return the whole day, as it was printed."""
    return play(folder)


@pytest.fixture(scope="module")
def story(played: subprocess.CompletedProcess[str]) -> str:
    """Return what was told, on one line."""
    return " ".join(played.stdout.split())


def test_the_day_ends_well_and_prints_its_story_only(played: subprocess.CompletedProcess[str]) -> None:
    assert (played.returncode, played.stderr) == (0, "")
    assert "Traceback" not in played.stdout
    assert "\x1b" not in played.stdout


@pytest.mark.parametrize(
    "fact",
    [
        "06:30 · Wren writes down what it has promised: 8 tasks",
        "seven in Berlin is 05:00 UTC",
        "07:04 ✓ Morning briefing",
        "07:10 ↷ Water the beds That thought decides: put off from 17:00 to 18:30.",
        "09:16 ↷ Ask where the parcel is The parcel service's API is rate limited",
        "09:40 ⊘ Send the newsletter",
        "10:01 ✓ Ask where the parcel is",
        "10:36 ✗ Back up the photographs The drive is full",
        "11:40 ✖ Index the archive and Pay the printer are both under way.",
        "kill -9: process",
        "14:11 ✗ Index the archive Lost in the crash. It may be done twice, so it is tried again.",
        "14:11 ✗ Pay the printer Lost in the crash. Paying twice would be worse",
        "14:11 ∅ Look at the inbox 4 looks fell into the outage.",
        "14:55 ✓ Index the archive",
        "15:23 ✓ Look at the inbox",
        "18:32 ✓ Water the beds",
        "Every fire has exactly one outcome.",
    ],
)
def test_the_story_tells(fact: str, story: str) -> None:
    assert fact in story


def test_the_story_follows_the_clock(played: subprocess.CompletedProcess[str]) -> None:
    told = re.findall(r"^  (\d\d:\d\d) \S ", played.stdout, re.MULTILINE)

    assert told == sorted(told)
    assert len(told) > 20


def test_the_sums_of_the_day_agree(story: str) -> None:
    assert re.findall(r"\b(fires|outcomes) (\d+)", story) == [("outcomes", "32"), ("fires", "32")]


async def test_the_graph_holds_what_the_story_tells(played: subprocess.CompletedProcess[str], folder: Path) -> None:
    service = TaskSchedulerService(folder)
    await service.open()
    try:
        rows = await service.cypher(query("outcomes_by_task"))
    finally:
        await service.close()

    assert {(row["task"], row["status"]): row["occurrences"] for row in rows} == {
        ("Ask where the parcel is", "completed"): 1,
        ("Ask where the parcel is", "deferred"): 1,
        ("Back up the photographs", "failed"): 1,
        ("Index the archive", "completed"): 1,
        ("Index the archive", "failed"): 1,
        ("Look at the inbox", "completed"): 19,
        ("Look at the inbox", "missed"): 4,
        ("Morning briefing", "completed"): 1,
        ("Pay the printer", "failed"): 1,
        ("Water the beds", "completed"): 1,
        ("Water the beds", "deferred"): 1,
    }


async def test_the_data_dictionary_names_all_that_the_graph_holds(
    played: subprocess.CompletedProcess[str], folder: Path
) -> None:
    service = TaskSchedulerService(folder)
    await service.open()
    try:
        nodes = await service.cypher("MATCH (n) RETURN DISTINCT labels(n)[0] AS label, keys(n) AS properties")
        edges = await service.cypher("MATCH ()-[r]->() RETURN DISTINCT type(r) AS kind")
    finally:
        await service.close()

    names = {str(row["label"]) for row in nodes} | {str(row["kind"]) for row in edges}
    for row in nodes:
        properties = row["properties"]
        assert isinstance(properties, list)
        names.update(name for name in properties if not name.startswith("@"))
    dictionary = DICTIONARY.read_text("utf-8")
    assert sorted(name for name in names if f"`{name}`" not in dictionary) == []
    assert len(names) > 60


def test_the_commands_at_the_end_of_the_story_work(played: subprocess.CompletedProcess[str]) -> None:
    commands = re.findall(r"^  \S*remembrancer (.* --graph .*)$", played.stdout, re.MULTILINE)

    assert [command.split()[0] for command in commands] == ["list", "history", "cypher"]
    for command in commands:
        answer = subprocess.run(
            [sys.executable, "-m", "remembrancer", *shlex.split(command)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (answer.returncode, answer.stderr) == (0, ""), command
        assert answer.stdout


def test_the_story_is_kept_beside_the_graph(played: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert "kill -9" in (folder / "the-day.txt").read_text("utf-8")


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("four years of work", encoding="utf-8")

    refused = play(tmp_path)

    assert refused.returncode == 1
    assert "Nothing was touched" in refused.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


PRINTED = {
    "handler": """\
Answer Ada  completed  Answered: Friday suits.
Order ink   failed     The shop's site is down.
Call Bob    deferred   Bob is in a meeting.
Call Bob    completed  Bob agrees.
""",
    "cron_with_deferral": """\
Fri 08:00 UTC  cron_trigger      completed  written
Sat 16:00 UTC  cron_trigger      deferred   The task was deferred until 2027-03-27T16:00:00Z.
Sat 16:00 UTC  deferred_trigger  completed  written
Sun 07:00 UTC  cron_trigger      completed  written
Mon 07:00 UTC  cron_trigger      completed  written
""",
}


@pytest.mark.parametrize("name", PRINTED)
def test_a_small_program_prints_what_happened(name: str) -> None:
    command = [sys.executable, "-W", "error", str(DAY.with_name(f"{name}.py"))]

    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (ran.stdout, ran.returncode) == (PRINTED[name], 0), ran.stderr


async def test_the_fastapi_example_serves_its_route_and_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = spec_from_file_location("fastapi_app", DAY.with_name("fastapi_app.py"))
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    found.loader.exec_module(module)

    transport = httpx.ASGITransport(app=module.app)
    async with (
        module.lifespan(module.app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        reminded = await client.post("/remind", params={"what": "Tea", "in_seconds": 3600})
        refused = await client.get("/v1/scheduler/tasks")

    assert reminded.status_code == 200
    assert reminded.json()["task_id"].startswith("task_")
    assert refused.status_code == 401
