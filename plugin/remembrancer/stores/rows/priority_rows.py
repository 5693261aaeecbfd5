"""Rows of priorities: in the commits of what changes them, a note of the tasks that may be served otherwise then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.timestamps import to_ms
from remembrancer.stores.commits.statement import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.priorities import KnownPriorities
    from remembrancer.ports.writes import Edit
    from remembrancer.stores.commits.row_types.tasks import NotedRow
    from remembrancer.stores.commits.statement import Row

_NOTING: Final = frozenset({"note_priorities", "note_own_priorities", "unlink_dependencies"})


def noting(task_ids: Iterable[str], at_ms: int) -> Statement:
    """Return the statement that notes those which tasks depend on, since these have changed or ended."""
    return Statement("note_priorities", noted_rows(task_ids, at_ms))


def noted_rows(task_ids: Iterable[str], at_ms: int) -> list[NotedRow]:
    """Return the rows of tasks of which something has changed."""
    return [{"task_id": each, "at_ms": at_ms} for each in task_ids]


def asked_priorities(tasks: Sequence[ScheduledTask]) -> list[Statement]:
    """Return the statement for new tasks that depend on others; none without any."""
    asking = [each for each in tasks if each.depends_on]
    return [noting([each.task_id for each in asking], to_ms(asking[0].created_at))] if asking else []


def changed_priorities(edits: Sequence[Edit]) -> list[Statement]:
    """Return the statements for edits of priorities and dependencies, and for ends of tasks that have some."""
    own: list[NotedRow] = []
    asked: list[NotedRow] = []
    for each in edits:
        row: NotedRow = {"task_id": each.task_id, "at_ms": to_ms(each.change.at)}
        is_other = each.before.priority != each.after.priority
        if is_other and each.after.is_open:
            own.append(row)
        if is_other or not each.after.is_open or each.before.depends_on != each.after.depends_on:
            asked += [row] if each.after.depends_on or each.before.depends_on else []
    parts = {"note_own_priorities": own, "note_priorities": asked}
    return [Statement(name, rows) for name, rows in parts.items() if rows]


def note_changes(known: KnownPriorities, statements: Sequence[Statement], answers: Sequence[list[Row]]) -> None:
    """Remember that a commit has noted tasks whose served priorities are to be worked out."""
    for statement, rows in zip(statements, answers, strict=False):
        if rows and statement.name in _NOTING:
            known.any = known.changed = True
