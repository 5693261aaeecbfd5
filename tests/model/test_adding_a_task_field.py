"""A task field that is added to a copy of the package is found on every surface: three lines, nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import remembrancer

ROOT = Path(__file__).resolve().parents[2]
LINES = {
    "model/request.py": {
        "    context: Annotated[": (
            '    effort: Annotated[StrictInt, WholeNumber("How much work the task is.", 7, least=1, most=9)] = 5\n'
        ),
        "    context: dict[str, Any] | None\n": "    effort: int\n",
    },
    "model/task.py": {"    deferred_task_id: str": "    effort: int = 5\n"},
}
LOOK = """
import asyncio, json, sys
import typer
from remembrancer import InvalidInput, TaskSchedulerService
from remembrancer.cli import app
from remembrancer.cli.views.tasks import fact_table
from remembrancer.surfaces.rest.app import application
from remembrancer.surfaces.examples import EXAMPLES

TASK = ("Tea", "goal", "prompt", "thought", None, "0 9 * * *")

async def look():
    async with TaskSchedulerService(":memory:") as service:
        try:
            await service.schedule_task(*TASK, effort=10)
        except InvalidInput as refused:
            print(json.dumps(str(refused)))
        task = await service.schedule_task(*TASK, effort=7)
        (row,) = await service.cypher("MATCH (t:scheduled_task) RETURN t.effort AS effort")
        shown = [[cell.text if hasattr(cell, "text") else cell for cell in row] for row in fact_table(task).rows]
        print(json.dumps([task.effort, (await service.get_task(task.task_id)).effort, row["effort"]]))
        print(json.dumps([row for row in shown if row[0] == "effort"]))
        print(json.dumps(application(service).openapi()["components"]["schemas"]["ScheduleRequest"]["properties"]["effort"]))

asyncio.run(look())
print(json.dumps(EXAMPLES["effort"]))
command = typer.main.get_command(app).commands["schedule"]
print(json.dumps([[each.opts, each.help, each.default] for each in command.params if each.name == "effort"]))
sys.path.append(sys.argv[1])
from reference_pages.fields import task_fields
print(json.dumps([line for line in task_fields().splitlines() if "effort" in line]))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What a process finds that runs a copy of the package with one field more."""
    folder = tmp_path_factory.mktemp("overlay")
    package = folder / "remembrancer"
    shutil.copytree(Path(remembrancer.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, lines in LINES.items():
        text = (package / name).read_text("utf-8")
        for anchor, line in lines.items():
            assert text.count(anchor) == 1
            text = text.replace(anchor, line + anchor)
        (package / name).write_text(text, "utf-8")
    path = os.pathsep.join([str(folder), *sys.path])
    ran = subprocess.run(
        [sys.executable, "-c", LOOK, str(ROOT / "tools")],
        env={**os.environ, "PYTHONPATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_an_added_field_is_validated(seen: list[Any]) -> None:
    assert seen[0] == ("effort=10 is not accepted. Allowed: a whole number from 1 to 9. Example: effort=7")


def test_an_added_field_is_in_the_answer_and_in_the_graph(seen: list[Any]) -> None:
    assert seen[1] == [7, 7, 7]


def test_an_added_field_is_shown(seen: list[Any]) -> None:
    assert seen[2] == [["effort", "7"]]


def test_an_added_field_is_in_the_rest_schema(seen: list[Any]) -> None:
    schema, example = seen[3], seen[4]

    assert (schema["type"], schema["minimum"], schema["maximum"], schema["default"]) == ("integer", 1, 9, 5)
    assert (schema["description"], schema["examples"], example) == ("How much work the task is.", [7], 7)


def test_an_added_field_is_an_option_of_the_command(seen: list[Any]) -> None:
    assert seen[5] == [[["--effort"], "How much work the task is.", 5]]


def test_an_added_field_is_in_the_reference(seen: list[Any]) -> None:
    assert seen[6] == ["| `effort` | How much work the task is. | integer, 1 to 9 | `5` | `7` | `--effort` |"]
