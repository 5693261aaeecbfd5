"""The README and the documentation: their programs and commands are run, and they name what the code has.

In README, the tutorial and the guides a `python` block followed by a `text` block is a program and its output.
A `python` block with a `title` is written into a file of that name.
A `console` block holds commands after "$ " and what they print.
Each page runs in one shell and a fresh folder of its own, from top to bottom.
Ids, durations, times with milliseconds and times with a distance differ from run to run and are not compared;
"..." stands for anything.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from fastapi.routing import APIRoute

import remembrancer
from remembrancer import TaskSchedulerService
from remembrancer.cli import app
from remembrancer.fastapi import router
from remembrancer.model.event import EventKind
from remembrancer.model.execution import Reason
from remembrancer.model.task import ScheduledTask
from remembrancer.model.task_status import TaskStatus
from remembrancer.stores.commits.events import STREAMS
from remembrancer_schema.catalog import queries
from remembrancer_schema.kinds import EDGES

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
TUTORIAL = sorted((DOCS / "tutorial").glob("*.md"))
GUIDES = sorted((DOCS / "guides").glob("*.md"))
PAGES = sorted(DOCS.rglob("*.md"))
FENCE = re.compile(r'^```(\w+)(?: title="([\w.-]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PASSING = {
    "id": r"\b(?:task|exec)_\d+\.\d+_\w+",
    "moment": r"\d{4}-\d\d-\d\dT[\d:]+(?:\.\d+Z|Z (?=\())(?: ?\((?:now|in [^)]+|[^)]+ ago)\))?",
    "duration": r"\b\d+\.\d{3} s\b",
}
WHOLE_SECOND = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
"""A moment of the run that fell on a whole second looks like a time that a page names."""
END = "~~~ it ended with"
OLD_WORDS = (
    "nobody", "somebody", "whoever", "anew", "of ours", "the door", "put off", "told", "any more", "set aside",
    "takes? over", "taken over", "maltreat\\w*", "what stands", "books",
)  # fmt: skip
WORDS = (
    "tick", "recover", "expired lease", "defer", "quarantine", "statistics", "event", "audit log", "actor",
    "idempotency key", "token", "authenticate", "authorize", "retention", "prune", "summary", "replica", "membership",
    "heartbeat", "shard", "diagnostics", "health probe", "copy", "handler result", "settlement", "outcome",
    "timestamp", "validate", "fence", "lease", "claim", "settle", "nominal time", "occurrence", "armed", "due key",
    "misfire", "gap", "fold", "dedup key", "on_lost", "thought", "deferral", "trigger delay", "firing",
)  # fmt: skip
README_LINES = 150
README_WORDS = 700


@dataclass(frozen=True)
class Step:
    """One command of a page, and what it shall print."""

    command: str
    expected: str


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def steps(page: Path) -> list[Step]:
    """Return what a page has run, in its order."""
    found: list[Step] = []
    blocks = [(match[1], match[2], match[3]) for match in FENCE.finditer(page.read_text("utf-8"))]
    for (kind, title, text), (next_kind, _, next_text) in pairwise([*blocks, ("", "", "")]):
        if title:
            found.append(Step(f"printf %s {shlex.quote(text)} > {title}", ""))
        elif kind == "python" and next_kind == "text":
            found.append(Step(f"python -W error -c {shlex.quote(text)}", next_text))
        elif kind == "console":
            found += [Step(command, expected) for command, expected in COMMAND.findall(text)]
    return found


RUNNABLE = [page for page in [README, *TUTORIAL, *GUIDES] if steps(page)]


def settled(text: str) -> str:
    """Return *text* with what differs from run to run replaced by its name."""
    for name, pattern in PASSING.items():
        text = re.sub(pattern, f"<{name}>", text)
    return text


def agrees(expected: str, actual: str) -> bool:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    wanted, found = settled(expected), settled(actual)
    passing = re.sub(WHOLE_SECOND, lambda time: time[0] if time[0] in wanted else "<moment>", found)
    return any(doctest.OutputChecker().check_output(wanted, each, flags) for each in (found, passing))


def test_a_moment_on_a_whole_second_is_one_of_the_run() -> None:
    assert agrees("at 2026-11-24T09:00:01.003Z", "at 2026-11-28T07:35:27Z")
    assert not agrees("at 2099-01-01T09:00:00Z", "at 2099-01-01T10:00:00Z")
    assert not agrees("at 2026-11-24T09:00:01.003Z", "at noon")


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of a person at a fresh terminal, with the command installed."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("REMEMBRANCER_", "COLUMNS"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), own["PATH"]])
    return own | {"PATH": path, "HOME": str(folder), "NO_COLOR": "1", "TERM": "dumb"}


def run(page: Path, folder: Path) -> list[tuple[str, str]]:
    """Return what each step of a page printed, and its exit code."""
    script = "".join(f'{step.command}\nprintf "\\n{END} %s\\n" "$?"\n' for step in steps(page))
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=surroundings(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return re.findall(rf"(.*?)\n{END} (\d+)\n", ran.stdout, re.DOTALL)


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.slow] if page in GUIDES else [], id=name_of(page)) for page in RUNNABLE],
)
def test_a_page_shows_what_really_happens(page: Path, tmp_path: Path) -> None:
    printed = run(page, tmp_path)

    wrong = [
        f"$ {step.command}\nshown:\n{step.expected}\nprinted, exit code {code}:\n{text}"
        for step, (text, code) in zip(steps(page), printed, strict=True)
        if not (agrees(step.expected, f"{text}\n") and code == "0")
    ]
    assert wrong == [], "\n\n".join(wrong)


def test_the_runnable_pages_have_programs_and_commands() -> None:
    kinds = {step.command.startswith("python ") for page in RUNNABLE for step in steps(page)}

    assert kinds == {True, False}
    assert {README, *TUTORIAL} <= set(RUNNABLE)


def test_the_readme_is_short() -> None:
    text = README.read_text("utf-8")

    assert len(text.splitlines()) <= README_LINES
    assert len(text.split()) <= README_WORDS


def commands() -> list[str]:
    """Every command that help lists, sub-commands as two words."""
    top = typer.main.get_command(app)
    found: list[str] = []
    for name, command in getattr(top, "commands", {}).items():
        if command.hidden:
            continue
        below = getattr(command, "commands", {})
        found += [f"{name} {inner}" for inner in below] if below else [name]
    return found


def test_the_command_line_has_commands_to_document() -> None:
    assert {"schedule", "list", "cancel", "import crontab"} <= set(commands())


@pytest.mark.parametrize("command", commands())
def test_the_guides_show_every_command(command: str) -> None:
    assert any(f"remembrancer {command}" in page.read_text("utf-8") for page in [*TUTORIAL, *GUIDES])


@pytest.mark.parametrize("name", remembrancer.__all__)
def test_the_glossary_has_every_exported_name(name: str) -> None:
    assert f"`{name}`" in (DOCS / "glossary.md").read_text("utf-8")


def test_the_glossary_has_every_word_of_the_house() -> None:
    glossary = (DOCS / "glossary.md").read_text("utf-8").lower()

    assert [word for word in WORDS if word not in glossary] == []


@pytest.mark.parametrize("page", [README, *PAGES], ids=name_of)
def test_a_page_links_to_what_is_there(page: Path) -> None:
    text = FENCE.sub("", page.read_text("utf-8"))
    targets = [link.partition("#")[0] for link in LINK.findall(text) if "://" not in link]

    assert [target for target in targets if target and not (page.parent / target).exists()] == []


def test_the_navigation_lists_every_page() -> None:
    nav = re.findall(r"^ +- .*: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)

    assert sorted(nav) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES)


def diagram_of(page: str, word: str) -> str:
    """Return the one diagram of a page in which *word* occurs."""
    found = [each for each in DIAGRAM.findall((DOCS / page).read_text("utf-8")) if word in each]
    assert len(found) == 1, f"{page}: {len(found)} diagrams with {word}"
    return found[0]


def test_the_diagram_of_the_graph_has_every_edge() -> None:
    drawn = set(re.findall(r"(\w+) -->\|(\w+)\| (\w+)", diagram_of("reference/graph.md", "CREATED_BY")))

    assert drawn == {(edge.source, edge.kind, edge.target) for edge in EDGES}


def test_the_diagram_of_executions_has_every_reason() -> None:
    diagram = diagram_of("concepts/tasks-and-executions.md", "lease_expired")

    codes = set(re.findall(r"\b(?:[a-z]+_[a-z_]+|asked|shutdown|quarantined|rescheduled|replaced|overlap)\b", diagram))
    assert codes == {reason.value for reason in Reason}


def test_the_diagram_of_tasks_has_every_status() -> None:
    diagram = diagram_of("concepts/tasks-and-executions.md", "PENDING")

    assert set(re.findall(r"\b[A-Z]{6,}\b", diagram)) == {status.value for status in TaskStatus}


@pytest.mark.parametrize("page", ["concepts/claims-leases-fences.md", "development/architecture.md"])
def test_the_diagrams_name_what_the_code_has(page: str) -> None:
    text = "\n".join(DIAGRAM.findall((DOCS / page).read_text("utf-8"))).replace("__main__", "")
    known = {*queries(), *ScheduledTask.model_fields, *(reason.value for reason in Reason)}

    assert set(re.findall(r"\b[a-z]+_[a-z_]+\b", text)) - known == set()


def test_the_drawing_of_the_event_log_has_its_streams() -> None:
    assert f"up to {STREAMS} streams" in diagram_of("concepts/event-log.md", "cursor")


def test_the_reference_has_every_kind_of_event() -> None:
    events = (DOCS / "reference/events.md").read_text("utf-8")

    assert [kind.value for kind in EventKind if f"`{kind.value}`" not in events] == []


def test_the_rest_reference_has_every_route() -> None:
    page = (DOCS / "reference/rest.md").read_text("utf-8")
    routes = [each for each in router(TaskSchedulerService()).routes if isinstance(each, APIRoute)]
    paths = [each.path.removeprefix("/v1") for each in routes]

    assert len(paths) > 20
    assert [path for path in paths if f"{path}`" not in page] == []


@pytest.mark.parametrize("page", [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *PAGES], ids=name_of)
def test_a_page_is_written_in_plain_words(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text("utf-8"))).lower()

    assert [word for word in OLD_WORDS if re.search(rf"\b{word}\b", text)] == []


def test_the_drawings_of_the_floors_are_the_floors() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    floors = [re.split(r" [:|] ", floor) for floor in contracts[0]["layers"]]
    drawn = re.search(r"```text\n(__main__\n.*?)\n\n", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.DOTALL)
    assert drawn is not None
    diagram = diagram_of("development/architecture.md", "__main__")

    assert [re.split(r" [:|] ", re.split(r"\s{2,}", line)[0]) for line in drawn[1].splitlines()] == floors
    assert re.findall(r'\w+\["(.*?)"\]', diagram) == [" · ".join(floor) for floor in floors]
