"""Views of `remembrancer watch`: a live display on a terminal, and lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from remembrancer.cli.output import coloured, distance, print_json, screen, to_json
from remembrancer.errors import TaskNotFound
from remembrancer.model.control_characters import visible
from remembrancer.model.task_status import OPEN_STATUSES
from remembrancer.model.timestamps import from_ms, to_iso

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from rich.console import RenderableType

    from remembrancer.cli.connect import Connection
    from remembrancer.model.event import Event, EventKind
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask


class WatchView(Protocol):
    """A display of events."""

    reached: bool
    """True once the graph was reached; until then, failing to reach it is an error."""

    async def show(self, reached: Connection, events: Sequence[Event]) -> None:
        """Show new events, and the current state."""
        ...

    def refresh(self) -> None:
        """Update relative times."""
        ...

    def lost(self, error: Exception) -> None:
        """Show that the graph is unreachable at present."""
        ...


@contextmanager
def view_for(graph: str, *, as_json: bool) -> Generator[WatchView]:
    """Yield the view for this output."""
    if as_json or not sys.stdout.isatty():
        yield LineView(as_json=as_json)
        return
    picture = LiveView(graph)
    with Live(picture.drawn(), console=screen(), auto_refresh=False) as live:
        picture.live = live
        yield picture


class Names:
    """A cache of task names, each read once."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def learn(self, task_id: str, name: str) -> None:
        """Store a name, and drop the oldest beyond a limit."""
        self._names[task_id] = name
        if len(self._names) > _MOST_NAMES:
            del self._names[next(iter(self._names))]

    async def of(self, reached: Connection, task_id: str | None) -> str:
        """Return the name of a task; empty for one that no longer exists."""
        if task_id is None:
            return ""
        if task_id not in self._names:
            try:
                self.learn(task_id, (await reached.scheduler.get_task(task_id)).name)
            except TaskNotFound:
                self.learn(task_id, "")
        return self._names[task_id]


class LineView:
    """One line per event: text, or a JSON object.

    Args:
        as_json: Print JSON objects.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.reached = False
        self._as_json = as_json
        self._names = Names()
        self._said = ""

    async def show(self, reached: Connection, events: Sequence[Event]) -> None:
        """Print new events."""
        self._said = ""
        for event in events:
            if self._as_json:
                print_json(event.model_dump(exclude_none=True), indent=None)
                continue
            if event.name and event.task_id:
                self._names.learn(event.task_id, event.name)
            name = await self._names.of(reached, event.task_id)
            line = f"{to_iso(event.at)}  {event.kind:20}  {_whose(name, event)}  {words(event)}"
            sys.stdout.write(visible(line.rstrip()) + "\n")
        sys.stdout.flush()

    def refresh(self) -> None:
        """Do nothing: printed lines do not change."""

    def lost(self, error: Exception) -> None:
        """Print the error on stderr, once."""
        if str(error) == self._said:
            return
        self._said = str(error)
        document = to_json({"error": {"type": type(error).__name__, "message": str(error)}})
        sys.stderr.write(f"{document if self._as_json else visible(str(error))}\n")
        sys.stderr.flush()


class LiveView:
    """A live display of due tasks, running executions and recent events.

    Args:
        graph: The graph's name, as the user gave it.
    """

    def __init__(self, graph: str) -> None:
        self.reached = False
        self.live: Live | None = None
        self._graph = graph
        self._names = Names()
        self._state = ""
        self._due: Sequence[ScheduledTask] = ()
        self._running: Sequence[tuple[str, Execution]] = ()
        self._happened: deque[tuple[str, Event]] = deque(maxlen=_SHOWN)
        self._looked = 0.0

    async def show(self, reached: Connection, events: Sequence[Event]) -> None:
        """Add new events; read the current state after an event, or else periodically."""
        self._state = "a scheduler runs" if reached.running else ""
        for event in events[-_SHOWN:]:
            self._happened.append((await self._names.of(reached, event.task_id), event))
        if events or time.monotonic() - self._looked > _LOOK_AGAIN_SECONDS:
            found = await reached.scheduler.find_tasks(statuses=OPEN_STATUSES, limit=_NEXT)
            self._due = [task for task in found if task.next_run_ms is not None]
            running = await reached.scheduler.running_executions(_NEXT)
            self._running = [(await self._names.of(reached, one.task_id), one) for one in running]
            self._looked = time.monotonic()
        self.refresh()

    def refresh(self) -> None:
        """Redraw with the current time."""
        if self.live:
            self.live.update(self.drawn(), refresh=True)

    def lost(self, error: Exception) -> None:
        """Show the error at the top."""
        self._state = str(error)
        self.refresh()

    def drawn(self) -> RenderableType:
        """Return the display at this time."""
        now = datetime.now(UTC)
        head = Text.assemble(
            (visible(self._graph), "bold"), f"  {to_iso(now.replace(microsecond=0))}  {visible(self._state)}"
        )
        parts = {"due": self._due_table(now), "running": self._running_table(now), "happened": self._event_table()}
        return Group(head, *(piece for title, table in parts.items() for piece in _part(title, table)))

    def _due_table(self, now: datetime) -> Table:
        table = _grid(3)
        for task in self._due:
            next_run = from_ms(task.next_run_ms or 0)
            table.add_row(_cell(task.name), distance(next_run, now), _cell(str(task.schedule)))
        return table

    def _running_table(self, now: datetime) -> Table:
        table = _grid(4)
        for name, execution in self._running:
            progress = execution.progress
            bar = "" if progress is None else ProgressBar(total=1, completed=progress, width=_BAR)
            share = "" if progress is None else f"{progress:4.0%}  "
            table.add_row(
                _cell(name),
                f"since {distance(execution.triggered_at, now).removesuffix(' ago')}",
                bar,
                f"{share}{_cell(execution.progress_text or '')}",
            )
        return table

    def _event_table(self) -> Table:
        table = _grid(4)
        for name, event in reversed(self._happened):
            table.add_row(f"{event.at:%H:%M:%S}", _coloured(event.kind), _cell(name), _cell(words(event)))
        return table


def words(event: Event) -> str:
    """Return the details of an event, without its kind and its task."""
    said = [
        "" if event.progress is None else f"{event.progress:.0%}",
        event.progress_text or "",
        "" if event.occurrences in {None, 1} else f"{event.occurrences} occurrences",
        "" if event.duration_seconds is None else f"{event.duration_seconds:.3f} s",
        "" if event.next_run_at is None else f"{_ENDS.get(event.kind, 'next run')} {to_iso(event.next_run_at)}",
        "" if event.task_status is None else event.task_status,
        "" if event.lost is None else f"{event.lost} events",
        event.reason or "",
    ]
    return "  ".join(" ".join(part.split()) for part in said if part)


def _whose(name: str, event: Event) -> str:
    return f"{name} ({event.task_id})" if event.task_id else ""


def _coloured(kind: EventKind) -> str:
    what, _, status = kind.partition("_")
    return f"{what} {coloured(status)}" if status else f"[red]{what}[/]"


def _cell(text: str) -> str:
    """Return text for a table cell, with markup and control characters escaped."""
    return escape(visible(text))


def _part(title: str, table: Table) -> list[RenderableType]:
    return [Text(f"\n{title}", style="bold cyan"), table if table.row_count else Text("  nothing", style="dim")]


def _grid(columns: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for number in range(columns):
        table.add_column(overflow="ellipsis", no_wrap=True, min_width=_NARROWEST if number == 0 else None)
    return table


_ENDS: Final[dict[str, str]] = dict.fromkeys(("question_asked", "question_reminded", "question_escalated"), "answer by")
"""The names of the time in events whose time is no run: that by which a question wants its answer."""
_SHOWN: Final = 12
_NEXT: Final = 8
_BAR: Final = 20
_NARROWEST: Final = 8
_MOST_NAMES: Final = 10_000
_LOOK_AGAIN_SECONDS: Final = 5.0
