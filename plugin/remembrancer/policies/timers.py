"""Requests to put something on a timer, as the host is asked about them. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.timer import TimerAction, TimerRequest
from remembrancer.model.timestamps import from_ms
from remembrancer.policies.additions import pending_additions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.context import Actor
    from remembrancer.model.deferral import Deferral
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Reschedule


def timer_of(task: ScheduledTask, wanted: Reschedule, author: Actor) -> TimerRequest:
    """Return the request of a deferral or a question."""
    return TimerRequest(
        action=TimerAction.DEFER if wanted.deferral.question is None else TimerAction.ASK,
        task=task,
        until=None if wanted.next_run_ms is None else from_ms(wanted.next_run_ms),
        surface=author.surface,
        actor=author.actor,
        reason=wanted.deferral.reason,
        thought_id=wanted.deferral.requested_by,
        context=wanted.deferral.context,
    )


def timer_of_task(
    task: ScheduledTask, action: TimerAction, author: Actor, first: Deferral | None = None
) -> TimerRequest:
    """Return the request of a task as it would be; *first* is the deferral for which it is made."""
    return TimerRequest(
        action=action if first is None else TimerAction.DEFER,
        task=task,
        until=None if task.next_run_ms is None else from_ms(task.next_run_ms),
        surface=author.surface,
        actor=author.actor,
        reason=None if first is None else first.reason,
        thought_id=task.origin_thought_id if first is None else first.requested_by,
        context=None if first is None else first.context,
    )


def timers_moved(changes: Sequence[tuple[ScheduledTask, ScheduledTask]], author: Actor) -> list[TimerRequest]:
    """Return the requests of those changes, each a task before and after it, that bring times which were not there."""
    return [
        timer_of_task(after, TimerAction.UPDATE, author)
        for before, after in changes
        if after.is_open and (before.schedule != after.schedule or _added(before, after))
    ]


def _added(before: ScheduledTask, after: ScheduledTask) -> bool:
    """Return whether an occurrence was added."""
    if after.additions is None or after.additions == before.additions:
        return False
    return bool({each.at_ms for each in pending_additions(after)} - {each.at_ms for each in pending_additions(before)})
