"""Rows that link tasks to the calendars and tasks to which their schedules refer, and to their templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.schedules.references import NONE, references_of
from remembrancer.stores.commits.statement import Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.commits.statement import Row


def first_links(tasks: Sequence[ScheduledTask]) -> list[Statement]:
    """Return the statements that link new tasks; none for tasks without references, which are most."""
    referring = [task for task in tasks if references_of(task.schedule_spec) is not NONE]
    calendars = [row for task in referring for row in _calendar_rows(task)]
    followed = [row for task in referring for row in _followed_rows(task)]
    statements = [Statement("link_calendars", calendars)] if calendars else []
    if templates := [_template_row(task) for task in tasks if task.template is not None]:
        statements.append(Statement("link_templates", templates))
    return [*statements, Statement("link_followed", followed)] if followed else statements


def changed_links(before: ScheduledTask, after: ScheduledTask, change_id: str) -> list[Statement]:
    """Return the statements that link a task whose schedule has changed; none if it has no references."""
    if before.schedule_spec == after.schedule_spec:
        return []
    change: Row = {"task_id": after.task_id, "change_id": change_id}
    statements = _changed_follow(before, after, change)
    if references_of(before.schedule_spec) is not NONE:
        statements.append(Statement("unlink_references", [dict(change)]))
    if references_of(after.schedule_spec) is not NONE:
        if calendars := [{**row, **change} for row in _calendar_rows(after)]:
            statements.append(Statement("link_changed_calendars", calendars))
        if followed := [{**row, **change} for row in _followed_rows(after)]:
            statements.append(Statement("link_changed_followed", followed))
    return statements


def _changed_follow(before: ScheduledTask, after: ScheduledTask, change: Row) -> list[Statement]:
    """Return the statements that let a changed task run after another one, or after none."""
    if before.runs_after_id == after.runs_after_id:
        return []
    no_more = [Statement("follow_no_more", [dict(change)])] if before.runs_after_id is not None else []
    row: Row = {**change, "runs_after_id": after.runs_after_id}
    return no_more if after.runs_after_id is None else [*no_more, Statement("follow_another", [row])]


def _calendar_rows(task: ScheduledTask) -> list[Row]:
    calendars = references_of(task.schedule_spec).calendars
    return [{"task_id": task.task_id, "name": name, "version": version} for name, version in sorted(calendars.items())]


def _template_row(task: ScheduledTask) -> Row:
    return {"task_id": task.task_id, "name": task.template, "version": task.template_version}


def _followed_rows(task: ScheduledTask) -> list[Row]:
    followed = references_of(task.schedule_spec).tasks
    return [{"task_id": task.task_id, "followed": task_id} for task_id in sorted(followed)]
