"""The result of an import, entry by entry."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from remembrancer.cli.connect import connect, folder_of, set_actor
from remembrancer.cli.output import at_work, errors, print_json, print_table, row_table, screen
from remembrancer.errors import InvalidInput, TaskNotFound, TaskUnreadable
from remembrancer.model.task import Disposition
from remembrancer.model.timestamps import to_iso
from remembrancer.operations.validation import reply, validate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.task import ScheduledTask
    from remembrancer.schedules.importers.entries import Entry
    from remembrancer.service.service import SchedulerService


class ImportStatus(StrEnum):
    """The result of one entry."""

    IMPORTED = "imported"
    UNCHANGED = "unchanged"
    """A task for this entry exists already."""
    REFUSED = "refused"
    NO_TASK = "no task"
    """A comment, a setting or an empty line."""


@dataclass(frozen=True, slots=True)
class ImportedEntry:
    """One entry of the source, and its result."""

    place: str
    text: str
    fate: ImportStatus
    reason: str | None = None
    notes: list[str] = field(default_factory=list[str])
    """Differences from the source."""
    task_id: str | None = None
    schedule: str | None = None
    timezone: str | None = None
    command: str | None = None
    """The prompt of the task: the command, where it has one."""
    user: str | None = None
    next_fires: list[datetime] = field(default_factory=list[datetime])


@dataclass(frozen=True, slots=True)
class _ValidEntry:
    """An entry that is valid as a task: the task as it would be, and its next fires."""

    entry: Entry
    request: ScheduleRequest
    task: ScheduledTask
    fires: list[datetime]


Known = dict[str | None, tuple[str, bool]]
"""By `dedup_key`: the task's id, and True if it is new."""


async def classify(entries: Sequence[Entry], graph: str, *, dry_run: bool) -> list[ImportedEntry]:
    """Schedule the entries in one write, or none on a *dry_run*; return the result of each, in order.

    An entry that is invalid as a task is refused, in a dry run too.
    """
    now = datetime.now(UTC)
    judged = [_judged(entry, now) for entry in entries]
    valid = [each.entry for each in judged if isinstance(each, _ValidEntry)]
    known = await (_foreseen if dry_run else _scheduled)(graph, valid)
    seen: dict[str | None, str] = {}
    accounted: list[ImportedEntry] = []
    for each in judged:
        if isinstance(each, _ValidEntry):
            first = seen.setdefault(each.request.dedup_key, each.entry.place)
            accounted.append(_of_job(each, None if first == each.entry.place else first, known))
        else:
            accounted.append(each)
    return accounted


def show(accounted: Sequence[ImportedEntry], facts: Mapping[str, object], *, dry_run: bool, as_json: bool) -> None:
    """Print the results: for people a table and the totals, for machines one object."""
    counts = Counter(each.fate for each in accounted)
    if as_json:
        numbers = {fate.name.lower(): counts[fate] for fate in ImportStatus}
        print_json({**facts, "dry_run": dry_run, **numbers, "entries": accounted})
        return
    print_table(row_table([_row(each) for each in accounted if each.fate is not ImportStatus.NO_TASK]))
    for note, places in _by_note(accounted).items():
        more = f" and {len(places) - _PLACES:,} more" if len(places) > _PLACES else ""
        errors().print(f"{', '.join(places[:_PLACES])}{more}: {note}", markup=False, highlight=False)
    words = "would be imported" if dry_run else "imported"
    totals = f"{counts[ImportStatus.IMPORTED]} {words}, {counts[ImportStatus.UNCHANGED]} unchanged"
    totals += f", {counts[ImportStatus.REFUSED]} refused"
    if others := counts[ImportStatus.NO_TASK]:
        totals += f"; {others} {'line' if others == 1 else 'lines'} without a job"
    screen().print(f"{totals}.", highlight=False)


def _by_note(accounted: Sequence[ImportedEntry]) -> dict[str, list[str]]:
    """Return the notes, each once, with the places that it is about."""
    found: dict[str, list[str]] = {}
    for each in accounted:
        for note in each.notes:
            found.setdefault(note, []).append(each.place)
    return found


def _row(each: ImportedEntry) -> dict[str, object]:
    return {
        "entry": each.place,
        "what": each.fate,
        "schedule": each.schedule or "",
        "next": to_iso(each.next_fires[0]) if each.next_fires else "",
        "user": each.user or "",
        "command": each.command or each.text.strip(),
        "why": each.reason or "",
    }


def _judged(entry: Entry, now: datetime) -> _ValidEntry | ImportedEntry:
    """Return an entry as a task, or the result of one that is none."""
    if entry.request is None:
        fate = ImportStatus.REFUSED if entry.is_task else ImportStatus.NO_TASK
        return ImportedEntry(entry.place, entry.text, fate, entry.reason, user=entry.user)
    try:
        task = validate(entry.request, now, 0.0, {})
    except InvalidInput as refusal:
        reason = f"{refusal.field} is not accepted: allowed is {refusal.allowed}"
        return ImportedEntry(entry.place, entry.text, ImportStatus.REFUSED, reason, user=entry.user)
    if not task.schedule.recurring and task.nominal_ms is not None and task.nominal_ms < now.timestamp() * 1000:
        return ImportedEntry(entry.place, entry.text, ImportStatus.REFUSED, "its time has passed", user=entry.user)
    return _ValidEntry(entry, entry.request, task, list(reply(task, now).next_fires))


def _of_job(job: _ValidEntry, same_as: str | None, known: Known) -> ImportedEntry:
    task_id, is_new = known.get(job.request.dedup_key, (None, True))
    unchanged = None if is_new else "a task for this entry exists already"
    if same_as is not None:
        unchanged = f"the same job as {same_as}"
    return ImportedEntry(
        job.entry.place,
        job.entry.text,
        ImportStatus.UNCHANGED if unchanged else ImportStatus.IMPORTED,
        unchanged,
        [] if unchanged else list(job.entry.notes),
        task_id,
        schedule=job.task.schedule_cron or str(job.task.schedule),
        timezone=job.task.timezone,
        command=job.request.trigger_prompt,
        user=job.entry.user,
        next_fires=job.fires,
    )


async def _scheduled(graph: str, entries: list[Entry]) -> Known:
    """Schedule the tasks; existing ones are left unchanged."""
    set_actor("import")
    with at_work(f"Importing {len(entries)} tasks"):
        async with connect(graph, make=True) as reached:
            return await schedule(reached.scheduler, entries)


async def schedule(scheduler: SchedulerService, entries: Sequence[Entry]) -> Known:
    """Schedule the tasks of entries in one write, but those of exported tasks that are there."""
    known = await _exported(scheduler, entries)
    distinct = {each.request.dedup_key: each.request for each in entries if each.request is not None}
    fresh = [request for key, request in distinct.items() if key not in known]
    replies = await scheduler.schedule_tasks(fresh) if fresh else []
    return known | {reply.dedup_key: (reply.task_id, reply.disposition is Disposition.CREATED) for reply in replies}


async def _exported(scheduler: SchedulerService, entries: Sequence[Entry]) -> Known:
    """Return the tasks of this graph that entries were exported from."""
    known: Known = {}
    for each in entries:
        if each.task_id is None or each.request is None:
            continue
        try:
            await scheduler.get_task(each.task_id)
        except TaskNotFound:
            continue
        except TaskUnreadable:
            pass  # it is there
        known[each.request.dedup_key] = (each.task_id, False)
    return known


async def _foreseen(graph: str, entries: list[Entry]) -> Known:
    """Return those of *entries* that exist already, without writing: not even an empty graph."""
    folder = folder_of(graph)
    if folder is not None and not folder.exists():
        return {}
    async with connect(graph) as reached:
        known = await _exported(reached.scheduler, entries)
        tasks = await reached.scheduler.find_tasks(limit=_MOST_COMPARED)
    wanted = {each.request.dedup_key for each in entries if each.request is not None}
    return {task.dedup_key: (task.task_id, False) for task in tasks if task.dedup_key in wanted} | known


_PLACES: Final = 8
"""The places that a note names."""
_MOST_COMPARED: Final = 1_000_000
