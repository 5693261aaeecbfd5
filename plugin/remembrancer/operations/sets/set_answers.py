"""The answers about the tasks of a set that is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.task_set import DeclaredTask, SetAction

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask


def told(key: str, action: SetAction, task: ScheduledTask, **more: object) -> DeclaredTask:
    """Return the answer about one task."""
    known = {"key": key, "action": action, "task_id": task.task_id, "name": task.name, "status": task.status}
    return DeclaredTask.model_validate({**known, **more})


def merged(before: DeclaredTask | None, after: DeclaredTask) -> DeclaredTask:
    """Return the answer about a task that was made: it was replaced, if one was cancelled for it, maybe a round ago."""
    if before is None or before.action is not SetAction.REPLACED:
        return after
    return after.model_copy(update={"action": SetAction.REPLACED, "fires_before": before.fires_before})
