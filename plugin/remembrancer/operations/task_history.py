"""The history of tasks: executions and entries of the audit log, by task, time and status."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Final, NamedTuple

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_limit, read_word
from remembrancer.model.execution import Execution, ExecutionStatus
from remembrancer.model.ids import first_id
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.audit_log import AuditRange
from remembrancer.ports.filters import ExecutionFilter
from remembrancer.schedules.parsing import read_moment, read_zone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from remembrancer.model.audit import AuditEntry
    from remembrancer.model.timestamps import Moment
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.task_store import TaskStore

Statuses = str | Collection[str] | None
"""One status of executions, several (a list, a tuple or a set), or any."""
_UNDER_WAY: Final = frozenset((ExecutionStatus.RUNNING,))
MOST_AT_ONCE: Final = 10_000
_PAGE: Final = 1000
_CURSOR: Final = re.compile(r"exec_[\w.-]{1,200}")
_ID: Final = "exec_1723644600.000_5d41402abc4b2a76"


class HistoryRange(NamedTuple):
    """The executions of a page: from an id on, and below one, by which old and new go."""

    first: str
    before: str | None

    def holds(self, execution_id: str) -> bool:
        """Return whether an execution lies in the range."""
        return self.first <= execution_id and (self.before is None or execution_id < self.before)


def read_begin(now: datetime, since: Moment | None, timezone: str) -> datetime | None:
    """Return the time that a list begins at; without an offset, it is of *timezone*. Raises InvalidInput."""
    zone = read_zone(timezone)
    return None if since is None else read_moment(since, "since", now=now, timezone=zone)


def read_range(
    now: datetime, before: str | None, since: Moment | None, until: Moment | None, timezone: str
) -> HistoryRange:
    """Return the range between two nominal times, *until* excluded, and below a cursor. Raises InvalidInput."""
    if before is not None and _CURSOR.fullmatch(before) is None:
        raise InvalidInput("before", before, "the execution_id of the last execution that an earlier answer gave", _ID)
    begin = read_begin(now, since, timezone)
    ends: list[str] = []
    if until is not None:
        ends.append(first_id("exec", to_ms(read_moment(until, "until", now=now, timezone=timezone))))
    first = "" if begin is None else first_id("exec", to_ms(begin))
    return HistoryRange(first, min(ends + ([] if before is None else [before]), default=None))


async def executions(
    graph: Graph, task_id: str | None, limit: int, within: HistoryRange, status: Statuses = None
) -> list[Execution]:
    """Return executions, newest first, of a range, with one of these statuses or any. Raises InvalidInput."""
    read_limit(limit)
    statuses = read_statuses(status)
    if statuses == _UNDER_WAY:
        running = await graph.events.running(MOST_AT_ONCE)
        return [each for each in running if task_id in {None, each.task_id} and within.holds(each.execution_id)][:limit]
    matching = ExecutionFilter(statuses, within.first)
    found = await graph.tasks.history(task_id, limit, within.before, matching)
    return [each for each in found if within.holds(each.execution_id)]


def read_statuses(status: Statuses) -> frozenset[ExecutionStatus]:
    """Return one status or several as a set, empty for any. Raises InvalidInput."""
    if status is None:
        return frozenset()
    several = isinstance(status, list | tuple | set | frozenset) and status
    return frozenset(read_word("status", each, ExecutionStatus, "failed") for each in several or (status,))


async def executions_since(tasks: TaskStore, task_id: str | None, start: datetime) -> AsyncIterator[Execution]:
    """Yield the executions of a task, or of all, from a nominal time on, the latest first."""
    before: str | None = None
    while page := await tasks.history(task_id, _PAGE, before):
        for each in page:
            if each.nominal_at >= start:
                yield each
        if page[-1].nominal_at < start or len(page) < _PAGE:
            return
        before = page[-1].execution_id


async def audit_entries(
    graph: Graph,
    task_id: str | None,
    *,
    begin: datetime | None = None,
    after: str | None = None,
    limit: int = MOST_AT_ONCE,
) -> list[AuditEntry]:
    """Return entries of the audit log, oldest first. Raises InvalidInput."""
    if not 1 <= read_limit(limit) <= MOST_AT_ONCE:
        raise InvalidInput("limit", limit, f"1 to {MOST_AT_ONCE:,}", 1000)
    if task_id is None:
        return list(await graph.audit.entries(AuditRange(begin, after, limit)))
    behind = "" if after is None else after.partition("_")[2]
    found = [
        each
        for each in await graph.audit.of_task(task_id)
        if each.place > behind and (begin is None or each.at >= begin)
    ]
    return found[:limit]


async def timeline(graph: Graph, task_id: str, limit: int) -> list[Execution | AuditEntry]:
    """Return the executions and the audit entries of a task in one list by time, newest first. Raises InvalidInput."""
    changes = await audit_entries(graph, task_id)
    entries: list[tuple[datetime, Execution | AuditEntry]] = [
        (each.triggered_at, each) for each in await executions(graph, task_id, limit, HistoryRange("", None))
    ]
    entries += [(each.at, each) for each in reversed(changes)]
    return [each for _, each in sorted(entries, key=lambda pair: pair[0], reverse=True)][:limit]
