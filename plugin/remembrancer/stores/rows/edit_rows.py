"""Rows that change the properties of a task: what differs between the task as it was read and as it is to be."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Final

from remembrancer.model.plain_schedules import Cron
from remembrancer.model.timestamps import to_iso, to_ms
from remembrancer.stores.rows import audit_rows, node_rows

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Edit
    from remembrancer.stores.commits.row_types.tasks import EditRow
    from remembrancer.stores.commits.statement import Row

_KINDS: Final = {"pause": "task_paused", "resume": "task_resumed", "update": "task_updated"}
"""The kind of the event of each action."""
_UNSEEN: Final = frozenset({"fence", "deferral_history", "unreadable", "outcomes_since_ms"})
"""Fields that an entry of the audit log leaves out."""


def edit_row(edit: Edit) -> EditRow:
    """Return the row that edits a task, once what is outstanding has moved its fence."""
    before, after, outstanding = edit.before, edit.after, edit.outstanding
    was, will = node_rows.task_properties(before), node_rows.task_properties(after)
    changed: Row = {name: will.get(name) for name in {**was, **will} if will.get(name) != was.get(name)}
    if outstanding:  # it has moved the task on, by the same properties
        changed |= {name: will.get(name) for name in ("next_run_ms", "due_key", "nominal_ms")}
    changed.pop("fence", None)
    texts = _differences(before, after)
    crons = (_expression(before), _expression(after))
    return {
        **audit_rows.change_row(edit.task_id, edit.change, outstanding),
        "kind": _KINDS[edit.change.action],
        "task_type": after.task_type,
        "fence": node_rows.fence_after(outstanding) or before.fence,
        "task": changed,
        "defer_until_ms": _ms(after.defer_until),
        "paused_ms": _ms(after.paused_at),
        "paused_until_ms": _ms(after.paused_until),
        "next_run_ms": after.next_run_ms,
        "before": _text({name: was for name, (was, _) in texts.items()}),
        "after": _text({name: will for name, (_, will) in texts.items()}),
        "crons": crons if crons[0] != crons[1] else (None, None),
    }


def _differences(before: ScheduledTask, after: ScheduledTask) -> dict[str, tuple[object, object]]:
    pairs = {name: (getattr(before, name), value) for name, value in vars(after).items() if name not in _UNSEEN}
    changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if "context" in changed:  # as text: within the entry it would be nested too deeply
        changed["context"] = (node_rows.to_json(before.context), node_rows.to_json(after.context))
    return changed


def _expression(task: ScheduledTask) -> str | None:
    return schedule.expression if isinstance(schedule := task.schedule, Cron) else None


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def _text(values: dict[str, object]) -> str:
    shown = {name: to_iso(each) if isinstance(each, datetime) else each for name, each in values.items()}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
