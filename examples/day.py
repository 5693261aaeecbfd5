"""Play a day of an agent on a real graph: with a crash in the middle, in about twenty seconds.

    .venv/bin/python examples/day.py [FOLDER]

The graph is left in FOLDER (./build/day) for the reader to explore.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

from agent import MONDAY
from balance import balance
from fast_clock import at
from printer import Printer
from story import play_afternoon, play_morning

from remembrancer import RemembrancerError, TaskSchedulerService
from remembrancer.bootstrap import open_store
from remembrancer.errors import GraphLocked, GraphUnavailable, NotAGraph
from remembrancer_schema.catalog import queries, query

DEFAULT: Final = Path("build/day")
MARKER: Final = "the-day.txt"
_OURS: Final = {"databases", "config", "backups", "log", "serve.json", MARKER}
_MORNING: Final = "--morning"
_QUESTIONS: Final[dict[str, dict[str, object]]] = {
    "why_not": {"limit": 10},
    "outcomes_by_task": {},
    "thought_to_deferral": {},
}


def main() -> int:
    """Play the day; return 0 if its sums agree."""
    # The story says what was lost and recovered; the log would repeat it.
    logging.getLogger("remembrancer").setLevel(logging.CRITICAL)
    try:
        if sys.argv[1:2] == [_MORNING]:
            asyncio.run(play_morning(Path(sys.argv[2]), _write_event))
            return 0
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
        _make_room(folder)
        return _play(folder, Printer())
    except RemembrancerError as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _play(folder: Path, printer: Printer) -> int:
    printer.say("[bold]A day of Wren[/], an agent that helps Ines to keep a small seed bank in Berlin.")
    printer.say("[dim]Monday, 30 March 2026. An hour takes a second; the graph, the disk and the crash are real.[/]")
    printer.head("The morning")
    pid = _play_morning(folder, printer)
    printer.head("The outage")
    printer.say(f"  kill -9: process {pid} is gone in the middle of two tasks. For two and a half hours nobody looks.")
    printer.head("The afternoon")
    printer.event(at(MONDAY, "14:10"), "note", "A new process opens the same folder and takes over.")
    asyncio.run(play_afternoon(folder, printer.event))
    agrees = asyncio.run(_look_back(folder, printer))
    (folder / MARKER).write_text(printer.page, encoding="utf-8")
    return 0 if agrees else 1


def _play_morning(folder: Path, printer: Printer) -> int:
    """Play the first half in a process of its own, and kill that in the middle of its work; return its id."""
    command = [sys.executable, __file__, _MORNING, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:  # noqa: S603
        try:
            for line in process.stdout or ():
                when, mark, words = json.loads(line)
                printer.event(datetime.fromisoformat(when), mark, words)
                if mark == "crash":
                    return process.pid
        finally:
            process.kill()
            process.wait()
            if folder.is_dir():
                (folder / MARKER).touch()  # deleted next time, even if the day ends here
    raise RemembrancerError("The morning ended before its crash; see the error above.")


def _write_event(when: datetime, mark: str, words: str) -> None:
    """Send one event to the process that prints the story."""
    sys.stdout.write(json.dumps([when.isoformat(), mark, words]) + "\n")
    sys.stdout.flush()


async def _look_back(folder: Path, printer: Printer) -> bool:
    """Print the balance, three questions to the graph, and the way to more; say whether the sums agree."""
    service = TaskSchedulerService(folder)
    await service.open()
    try:
        called, became, agrees = await balance(service)
        answers = {name: await service.cypher(query(name), values) for name, values in _QUESTIONS.items()}
    finally:
        await service.close()
    printer.head("The balance")
    printer.side_by_side(called, became)
    verdict = "[green]Every fire has exactly one outcome.[/]" if agrees else "[red]They do not agree: a fault.[/]"
    printer.say(f"\n  {verdict}")
    printer.head("Three questions to the graph")
    for name, rows in answers.items():
        printer.say(f"  [bold]{name}[/]\n  [dim]{queries()[name].summary}[/]\n")
        printer.code(query(name))
        printer.say()
        printer.table(rows)
        printer.say()
    _show_the_way(folder, printer)
    return agrees


def _show_the_way(folder: Path, printer: Printer) -> None:
    """Print the commands that explore the graph."""
    beside = Path(sys.executable).parent / "remembrancer"
    command = os.path.relpath(beside) if beside.exists() else "remembrancer"
    graph = f"--graph {shlex.quote(str(folder))}"
    question = "MATCH (d:task_deferral)-[:DEFERRAL_OF]->(t) RETURN t.name AS task, d.reason AS reason"
    printer.head(f"The graph is in {folder}. It is yours to explore:")
    for line in (f"list --all {graph}", f"history {graph} --limit 500", f'cypher {graph} "{question}"'):
        printer.code(f"{command} {line}")


def _make_room(folder: Path) -> None:
    """Make sure that *folder* can hold a fresh graph; only an earlier day of this example is deleted."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        return
    names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else {folder.name}
    if not names:
        return
    if MARKER not in names or names - _OURS:
        raise NotAGraph(f"{folder} holds no day of this example. Nothing was touched: name another or an empty folder.")
    try:
        asyncio.run(_touch(folder))
    except GraphLocked:
        raise
    except GraphUnavailable:
        pass  # a day that was interrupted may not open; it may be deleted
    shutil.rmtree(folder)


async def _touch(folder: Path) -> None:
    """Open and close the graph. Raises GraphLocked when another process works on it."""
    await (await open_store(folder)).close()


if __name__ == "__main__":
    sys.exit(main())
