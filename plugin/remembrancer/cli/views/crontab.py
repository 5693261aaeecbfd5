"""The result of a crontab import, line by line."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from remembrancer.cli.connect import connect, folder_of, set_actor
from remembrancer.cli.output import at_work
from remembrancer.errors import InvalidInput
from remembrancer.model.control_characters import visible
from remembrancer.model.request import ScheduleRequest
from remembrancer.operations.validation import validate
from remembrancer.schedules.importers.crontab import CrontabLine, LineKind


class ImportStatus(StrEnum):
    """The result of one line."""

    IMPORTED = "imported"
    UNCHANGED = "unchanged"
    """A task for this job exists already."""
    SKIPPED = "skipped"
    NO_JOB = "no job"
    """A comment, a setting or an empty line."""


@dataclass(frozen=True, slots=True)
class ImportedLine:
    """One line of the file, and its result."""

    number: int
    text: str
    fate: ImportStatus
    reason: str | None = None
    """The reason; for an imported line, guesses and differences from cron."""
    task_id: str | None = None
    schedule_cron: str | None = None
    timezone: str | None = None
    command: str | None = None
    user: str | None = None


Known = dict[str | None, tuple[str, bool]]
"""By `dedup_key`: the task's id, and True if it is new."""


async def classify(lines: list[CrontabLine], graph: str, zone: str, *, dry_run: bool) -> list[ImportedLine]:
    """Schedule the jobs in one write, or none on a *dry_run*; return the result of each line, in order.

    A job that is invalid as a task is skipped, in a dry run too.
    """
    jobs = {line.number: to_request(line, zone) for line in lines if line.kind is LineKind.JOB}
    refused = {number: fault for number, job in jobs.items() if (fault := _fault(job)) is not None}
    taken = [job for number, job in jobs.items() if number not in refused]
    known = await (_foreseen if dry_run else _scheduled)(graph, taken)
    seen: dict[str | None, int] = {}
    accounted: list[ImportedLine] = []
    for line in lines:
        if fault := refused.get(line.number):
            accounted.append(_of_none(replace(line, kind=LineKind.SKIPPED, reason=fault)))
        elif job := jobs.get(line.number):
            first = seen.setdefault(job.dedup_key, line.number)
            accounted.append(_of_job(line, job, first, known))
        else:
            accounted.append(_of_none(line))
    return accounted


def _fault(job: ScheduleRequest) -> str | None:
    """Return why a job is invalid as a task; None if it is valid."""
    try:
        validate(job, datetime.now(UTC), 0.0, {})
    except InvalidInput as refusal:
        return f"{refusal.field} is not accepted: allowed is {refusal.allowed}"
    return None


def to_request(line: CrontabLine, zone: str) -> ScheduleRequest:
    """Return a job line as a schedule request; equal jobs, from any file, have equal `dedup_key`s.

    *zone* applies to lines whose file names none. It is not part of the key: a second import with another zone
    changes nothing.
    """
    command = line.command or ""
    identity = json.dumps([line.user, line.expression, line.timezone, command, line.stdin])
    words = " ".join(command.split()[:_NAME_WORDS])
    return ScheduleRequest(
        name=visible(words)[:_NAME_LENGTH],
        goal_description=f"Run by cron: {line.text.strip()}"[:_GOAL_LENGTH],
        trigger_prompt=command,
        origin_thought_id="crontab_import",
        schedule_cron=line.expression,
        timezone=line.timezone or zone,
        dedup_key=f"crontab_{hashlib.sha256(identity.encode()).hexdigest()[:32]}",
        context={
            "user": line.user,
            "environment": dict(line.environment),
            "stdin": line.stdin,
            "line": line.text,
        },
    )


def _of_none(line: CrontabLine) -> ImportedLine:
    if line.kind is LineKind.SKIPPED:
        return ImportedLine(
            line.number, line.text, ImportStatus.SKIPPED, line.reason, command=line.command, user=line.user
        )
    return ImportedLine(line.number, line.text, ImportStatus.NO_JOB, line.kind)


def _of_job(line: CrontabLine, job: ScheduleRequest, first: int, known: Known) -> ImportedLine:
    task_id, is_new = known.get(job.dedup_key, (None, True))
    unchanged = None if is_new else "a task for this job exists already"
    if first != line.number:
        unchanged = f"the same job as line {first}"
    return ImportedLine(
        line.number,
        line.text,
        ImportStatus.UNCHANGED if unchanged else ImportStatus.IMPORTED,
        unchanged or line.note,
        task_id,
        schedule_cron=job.schedule_cron,
        timezone=job.timezone,
        command=line.command,
        user=line.user,
    )


async def _scheduled(graph: str, jobs: list[ScheduleRequest]) -> Known:
    """Schedule *jobs*; existing ones are left unchanged."""
    set_actor("import")
    distinct = {job.dedup_key: job for job in jobs}
    with at_work(f"Importing {len(distinct)} jobs"):
        async with connect(graph, make=True) as reached:
            now = datetime.now(UTC)
            started = now - timedelta(microseconds=now.microsecond % 1000)  # times of tasks are whole milliseconds
            replies = await reached.scheduler.schedule_tasks(list(distinct.values()))
    return {reply.dedup_key: (reply.task_id, reply.created_at >= started) for reply in replies}


async def _foreseen(graph: str, jobs: list[ScheduleRequest]) -> Known:
    """Return those of *jobs* that exist already, without writing: not even an empty graph."""
    folder = folder_of(graph)
    if folder is not None and not folder.exists():
        return {}
    async with connect(graph) as reached:
        tasks = await reached.scheduler.find_tasks(recurring=True, limit=_MOST_COMPARED)
    wanted = {job.dedup_key for job in jobs}
    return {task.dedup_key: (task.task_id, False) for task in tasks if task.dedup_key in wanted}


_MOST_COMPARED: Final = 1_000_000
_NAME_WORDS: Final = 4
_NAME_LENGTH: Final = 80
_GOAL_LENGTH: Final = 2000
