"""What a stream cannot carry is printed as an escape: no command fails by a name."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from remembrancer import TaskSchedulerService

pytestmark = pytest.mark.slow
NAME = "Grüße an Žofie 🕰 \N{SNOWMAN}"
SURROUNDINGS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "the C locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "utf-8": {"PYTHONIOENCODING": "utf-8"},
}


@pytest.fixture
async def task_id(terminal: Any) -> str:
    """A task whose name, prompt and reasons need more than ASCII."""
    async with TaskSchedulerService(terminal.graph) as service:
        kept = await service.schedule_task(NAME, NAME, NAME, "t", schedule_cron="0 9 * * *", dedup_key=NAME)
        await service.run_now(kept.task_id)
        await service.defer_task(kept.task_id, "2090-01-01T00:00:00Z", NAME)
        await service.idle()
        return kept.task_id


def ran(terminal: Any, how: str, *words: str) -> tuple[int, bytes, bytes]:
    """Run a command with its streams as *how* says."""
    surroundings = terminal.surroundings | {"COLUMNS": "300"} | SURROUNDINGS[how]
    command = [sys.executable, "-m", "remembrancer", *words]
    process = subprocess.run(command, env=surroundings, capture_output=True, timeout=120, check=False)
    return process.returncode, process.stdout, process.stderr


def encoding_of(how: str) -> str:
    return SURROUNDINGS[how].get("PYTHONIOENCODING", "ascii").partition(":")[0]


def carried(how: str) -> str:
    """Return the name as the stream carries it: escaped where it cannot."""
    return "".join(letter if letter.encode(encoding_of(how), "ignore") else json.dumps(letter)[1:-1] for letter in NAME)


@pytest.mark.parametrize("how", SURROUNDINGS)
def test_a_list_is_printed_on_whatever_stream(terminal: Any, task_id: str, how: str) -> None:
    code, out, err = ran(terminal, how, "list")

    assert (code, err) == (0, b"")
    assert carried(how) in out.decode(encoding_of(how))


@pytest.mark.parametrize(("how", "command"), [("ascii", "list"), ("latin-1", "cypher"), ("ascii", "audit export")])
def test_json_stays_json_on_whatever_stream(terminal: Any, task_id: str, how: str, command: str) -> None:
    more = {"cypher": ["MATCH (t:scheduled_task) RETURN t.name"]}.get(command, [])
    code, out, err = ran(terminal, how, *command.split(), *more, "--json")

    assert (code, err) == (0, b"")
    text = out.decode(encoding_of(how))
    read = [json.loads(line) for line in text.splitlines()] if command == "audit export" else json.loads(text)
    assert NAME in json.dumps(read, ensure_ascii=False)


@pytest.mark.parametrize(
    "words", [("show", "TASK"), ("history",), ("status",), ("doctor",), ("--help",), ("watch", "-h")]
)
def test_every_kind_of_output_is_printed(terminal: Any, task_id: str, words: tuple[str, ...]) -> None:
    code, out, err = ran(terminal, "ascii", *(task_id if word == "TASK" else word for word in words))

    assert (code in {0, 5}, b"Traceback" in err) == (True, False)
    assert out.decode("ascii")


def test_an_error_is_printed_on_whatever_stream(terminal: Any, task_id: str) -> None:
    for flags in ([], ["--json"]):
        code, _, err = ran(terminal, "ascii", "show", "tomörrow 🕰", *flags)

        assert (code, b"Traceback" in err) == (3, False)
        assert "\\ud83d\\udd70" in err.decode("ascii")
