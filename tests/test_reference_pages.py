"""The reference pages: their generated sections are what the definitions say now."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import reference
import remembrancer
from reference_pages.calls import CALLS, HIDDEN
from reference_pages.cli import command_names
from reference_pages.docstrings import errors, sentence
from reference_pages.markdown import table, with_sections
from reference_pages.python import INTERNAL, METHODS, public_members
from reference_pages.types import GROUPS, names_of, parts_of, rows_of
from remembrancer import TaskSchedulerService

ROOT = Path(__file__).resolve().parents[1]
TASK_TYPES = {"NewTaskFields", "ScheduleRequest", "TaskChanges", "TaskFields"}
"""Types whose fields the page of task fields describes."""
COMMANDS = ROOT / "plugin/remembrancer/cli"
ELSEWHERE = {"serve": "open_service", "status": "status"}
"""Commands whose source has another call than their counterparts: a variant of it, and one by way of the connection."""


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_reference_page_is_up_to_date(name: str) -> None:
    written = (reference.FOLDER / name).read_text("utf-8")

    assert written == reference.present(name), "`python tools/reference.py` brings it up to date"


def test_every_marked_page_is_generated() -> None:
    marked = [page.name for page in (ROOT / "docs").rglob("*.md") if "<!-- generated: " in page.read_text("utf-8")]

    assert sorted(marked) == sorted(reference.PAGES)


def test_a_section_is_replaced_and_the_rest_is_kept() -> None:
    page = "Before.\n\n<!-- generated: rows -->\nold\n<!-- end of generated -->\n\nAfter.\n"
    made = with_sections(page, {"rows": lambda: "new"})

    assert made == "Before.\n\n<!-- generated: rows -->\n\nnew\n\n<!-- end of generated -->\n\nAfter.\n"
    assert with_sections(made, {"rows": lambda: "new"}) == made


def test_a_page_with_other_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        with_sections("<!-- generated: rows -->\n<!-- end of generated -->\n", {"columns": lambda: ""})


def test_a_table_leaves_out_a_column_without_content() -> None:
    assert table(("a", "b", "c"), [("1", "", "x|y"), ("", "", "`p | q`")]).splitlines() == [
        "| a | c |",
        "|---|---|",
        "| 1 | x\\|y |",
        "| | `p \\| q` |",
    ]


def test_a_docstring_gives_its_sentence_and_its_errors() -> None:
    def run() -> None:
        """Run *it* once: now. Raises NotRunning, TaskEnded.

        Raises:
            InvalidInput: It is wrong;
                see there.
        """

    assert sentence(run) == "Run `it` once: now."
    assert errors(run) == ["NotRunning", "TaskEnded", "InvalidInput"]


def test_the_python_pages_have_every_public_name() -> None:
    pages = "".join((reference.FOLDER / name).read_text("utf-8") for name in ("python.md", "types.md"))
    found = set(re.findall(r"\b[A-Za-z]\w+\b", pages))

    assert set(remembrancer.__all__) - found == set()


def test_every_method_has_a_purpose() -> None:
    listed = [name for names in METHODS.values() for name in names]

    assert sorted([*listed, *INTERNAL]) == sorted(public_members(TaskSchedulerService))


def test_every_public_type_has_a_purpose() -> None:
    listed = [name for homes in GROUPS.values() for name in names_of(homes)]
    described = {"SchedulerOptions", "SchedulerService", "SyncCalls", "TaskSchedulerService", "Telemetry"}
    public: dict[str, Any] = {name: getattr(remembrancer, name) for name in remembrancer.__all__}
    types = [name for name, each in public.items() if not inspect.isfunction(each)]
    failures = [name for name in types if isinstance(public[name], type) and issubclass(public[name], Exception)]

    assert sorted([*listed, *described, *failures]) == sorted(types)


def test_no_field_of_a_public_type_is_without_a_meaning() -> None:
    public = [getattr(remembrancer, name) for homes in GROUPS.values() for name in names_of(homes)]
    found = [part for each in public if isinstance(each, type) for part in (each, *parts_of(each))]

    assert {
        (each.__name__, row[0])
        for each in found
        if each.__name__ not in TASK_TYPES
        for row in rows_of(each)
        if not row[-1]
    } == set()


def test_the_kinds_of_schedules_are_listed_once() -> None:
    page = (reference.FOLDER / "types.md").read_text("utf-8")

    assert page.count("### ScheduleValue\n") == 1
    assert "Once \\|" not in page


def test_every_command_has_its_counterparts() -> None:
    public = {*remembrancer.__all__, *public_members(TaskSchedulerService)}

    assert sorted(CALLS) == sorted([*command_names(), *HIDDEN])
    assert {call for calls in CALLS.values() for call in calls} <= public


@pytest.mark.parametrize("command", [command for command, calls in CALLS.items() if calls and command not in HIDDEN])
def test_a_command_makes_one_of_its_calls(command: str) -> None:
    first = command.split(maxsplit=1)[0].replace("-", "_")
    name = {"import": "imports", "export": "exports"}.get(first, first)
    sources = [COMMANDS / "commands" / f"{name}.py", COMMANDS / "views" / f"{name}.py"]
    text = "".join(path.read_text("utf-8") for path in sources if path.exists())

    assert any(call in text for call in (*CALLS[command], ELSEWHERE.get(command, CALLS[command][0])))
