"""Rows that defer tasks, and that record their deferrals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.timestamps import to_ms
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.due_key import due_key

if TYPE_CHECKING:
    from remembrancer.model.deferral import Deferral
    from remembrancer.ports.writes import Reschedule
    from remembrancer.stores.commits.row_types.tasks import DeferralRow, RescheduleRow


def deferral_row(deferral: Deferral) -> DeferralRow:
    """Return the row that writes a deferral."""
    return {
        "task_id": deferral.task_id,
        "deferral_id": deferral.deferral_id,
        "deferred_ms": to_ms(deferral.deferred_at),
        "original_ms": to_ms(deferral.original_time) if deferral.original_time else None,
        "deferred_until_ms": None if deferral.deferred_until is None else to_ms(deferral.deferred_until),
        "reason": deferral.reason,
        "requested_by": deferral.requested_by,
        "context": node_rows.to_json(deferral.context),
        "question": deferral.question,
    }


def reschedule_row(reschedule: Reschedule) -> RescheduleRow:
    """Return the row that defers a task."""
    return {
        **deferral_row(reschedule.deferral),
        "next_run_ms": reschedule.next_run_ms,
        "due_key": due_key(reschedule.next_run_ms, reschedule.deferral.task_id),
        "task_fence": node_rows.fence_after(reschedule.outstanding),
        "live_id": reschedule.live_id,
        "since_ms": reschedule.since_ms,
        "of_deferred_run": reschedule.of_deferred_run,
        "most_in_row": reschedule.most_in_row,
    }
