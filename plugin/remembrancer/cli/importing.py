"""`remembrancer import crontab`."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Final

from typer import Argument, Option

from remembrancer.cli.command import OnGraph
from remembrancer.cli.options import Zone  # noqa: TC001 (typer reads the annotations)
from remembrancer.errors import InvalidInput
from remembrancer.model.request import ScheduleRequest
from remembrancer.timing.crontab import CrontabLine, LineKind, read_crontab

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Importing(OnGraph):
    """The options of `import crontab`."""

    file: Annotated[Path, Argument(help="The crontab; - reads it from stdin.", allow_dash=True)]
    dry_run: Annotated[bool, Option("--dry-run", "-n", help="Say what would be done, and do nothing.")] = False
    system: Annotated[
        bool | None,
        Option(
            "--system/--user",
            help="Whether job lines name a user, as in /etc/cron.d; else judged by the file.",
        ),
    ] = None
    timezone: Zone = None


Known = dict[str | None, tuple[str, bool]]
"""By `dedup_key`: the id of the task, and whether it is new."""


class Fate(StrEnum):
    """What becomes of one line."""

    IMPORTED = "imported"
    UNCHANGED = "unchanged"
    """A task for this job is there already."""
    SKIPPED = "skipped"
    NO_JOB = "no job"
    """A comment, a setting or an empty line."""


@dataclass(frozen=True, slots=True)
class Accounted:
    """One line of the file, and what became of it."""

    number: int
    text: str
    fate: Fate
    reason: str | None = None
    task_id: str | None = None
    schedule_cron: str | None = None
    timezone: str | None = None
    command: str | None = None
    user: str | None = None


async def crontab(asked: Importing) -> None:
    """Take over the jobs of a crontab, and account for every line of it.

    Each job becomes a recurring task whose prompt is the command; its context has user, environment and
    input. Importing again changes nothing. For example:

        crontab -l | remembrancer import crontab - --dry-run
        remembrancer import crontab /etc/cron.d/sysstat --timezone Europe/Berlin
        remembrancer import crontab /etc/crontab --system --json
    """
    from remembrancer.cli.printing import print_json  # noqa: PLC0415 (--help stays fast)

    accounted = await _import(asked, read_crontab(_text(asked.file), system=asked.system))
    counts = Counter(each.fate for each in accounted)
    if asked.as_json:
        totals = {fate.name.lower(): counts[fate] for fate in Fate}
        print_json({"file": str(asked.file), "dry_run": asked.dry_run, **totals, "lines": accounted})
    else:
        _print(accounted, counts, dry_run=asked.dry_run)


def to_request(line: CrontabLine, zone: str) -> ScheduleRequest:
    """Return a job line as a task; equal jobs, from whatever file, have equal `dedup_key`s."""
    command = line.command or ""
    timezone = line.timezone or zone
    identity = json.dumps([line.user, line.expression, timezone, command, line.stdin])
    words = " ".join(command.split()[:_NAME_WORDS])
    return ScheduleRequest(
        name=words[:_NAME_LENGTH],
        goal_description=f"Run by cron: {line.text.strip()}"[:_GOAL_LENGTH],
        trigger_prompt=command,
        origin_thought_id="crontab_import",
        schedule_cron=line.expression,
        timezone=timezone,
        dedup_key=f"crontab_{hashlib.sha256(identity.encode()).hexdigest()[:32]}",
        context={
            "user": line.user,
            "environment": dict(line.environment),
            "stdin": line.stdin,
            "line": line.text,
        },
    )


def _text(file: Path) -> str:
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as refused:
        allowed = f"a file that can be read ({refused.strerror})"
        raise InvalidInput("file", str(file), allowed, "/etc/crontab") from refused
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")  # cron takes bytes as they come; every byte is some letter here


async def _import(asked: Importing, lines: list[CrontabLine]) -> list[Accounted]:
    """Schedule the jobs in one write; return what became of each line."""
    zone = asked.timezone or "UTC"
    jobs = {line.number: to_request(line, zone) for line in lines if line.kind is LineKind.JOB}
    known = await (_foreseen if asked.dry_run else _scheduled)(asked.graph, list(jobs.values()))
    seen: dict[str, int] = {}
    accounted: list[Accounted] = []
    for line in lines:
        job = jobs.get(line.number)
        if job is None or job.dedup_key is None:
            accounted.append(_no_task(line))
            continue
        first = seen.setdefault(job.dedup_key, line.number)
        task_id, is_new = known.get(job.dedup_key, (None, True))
        repeats = None if first == line.number else f"the same job as line {first}"
        reason = repeats or (None if is_new else "there is a task for this job already")
        fate = Fate.UNCHANGED if reason else Fate.IMPORTED
        accounted.append(_of_job(line, job, fate, reason, task_id))
    return accounted


def _no_task(line: CrontabLine) -> Accounted:
    if line.kind is LineKind.SKIPPED:
        return Accounted(line.number, line.text, Fate.SKIPPED, line.reason, command=line.command, user=line.user)
    return Accounted(line.number, line.text, Fate.NO_JOB, line.kind)


def _of_job(line: CrontabLine, job: ScheduleRequest, fate: Fate, reason: str | None, task_id: str | None) -> Accounted:
    return Accounted(
        line.number,
        line.text,
        fate,
        reason,
        task_id,
        schedule_cron=job.schedule_cron,
        timezone=job.timezone,
        command=line.command,
        user=line.user,
    )


async def _scheduled(graph: str, jobs: list[ScheduleRequest]) -> Known:
    """Schedule *jobs*; those that are there already stay as they are."""
    from remembrancer.cli.printing import at_work  # noqa: PLC0415 (--help stays fast)
    from remembrancer.cli.reach import reach  # noqa: PLC0415 (--help stays fast)

    distinct = {job.dedup_key: job for job in jobs}
    with at_work(f"Importing {len(distinct)} jobs"):
        async with reach(graph, make=True) as reached:
            now = datetime.now(UTC)
            started = now - timedelta(microseconds=now.microsecond % 1000)
            replies = await reached.scheduler.schedule_tasks(list(distinct.values()))
    return {reply.dedup_key: (reply.task_id, reply.created_at >= started) for reply in replies}


async def _foreseen(graph: str, jobs: list[ScheduleRequest]) -> Known:
    """Return those of *jobs* that are there already, and write nothing: not even a graph."""
    from remembrancer.cli.reach import folder_of, reach  # noqa: PLC0415 (--help stays fast)
    from remembrancer.ports.task_store import Wanted  # noqa: PLC0415 (--help stays fast)

    folder = folder_of(graph)
    if folder is not None and not folder.exists():
        return {}
    async with reach(graph) as reached:
        tasks = await reached.scheduler.find_tasks(Wanted(recurring=True, limit=_MOST_COMPARED))
    wanted = {job.dedup_key for job in jobs}
    return {task.dedup_key: (task.task_id, False) for task in tasks if task.dedup_key in wanted}


def _table(accounted: Iterable[Accounted]) -> Table:
    from remembrancer.cli.printing import row_table  # noqa: PLC0415 (--help stays fast)

    return row_table(
        [
            {
                "line": each.number,
                "what": each.fate,
                "schedule": each.schedule_cron or "",
                "user": each.user or "",
                "command": each.command or each.text.strip(),
                "why": each.reason or "",
            }
            for each in accounted
        ]
    )


def _print(accounted: Iterable[Accounted], counts: Counter[Fate], *, dry_run: bool) -> None:
    from remembrancer.cli.printing import print_table, screen  # noqa: PLC0415 (--help stays fast)

    print_table(_table(each for each in accounted if each.fate is not Fate.NO_JOB))
    words = "would be imported" if dry_run else "imported"
    told = (
        f"{counts[Fate.IMPORTED]} {words}",
        f"{counts[Fate.UNCHANGED]} unchanged",
        f"{counts[Fate.SKIPPED]} skipped",
    )
    screen().print(f"{', '.join(told)}; {counts[Fate.NO_JOB]} lines are no jobs.", highlight=False)


_MOST_COMPARED: Final = 10_000
_NAME_WORDS: Final = 4
_NAME_LENGTH: Final = 80
_GOAL_LENGTH: Final = 2000
