"""Rows that change the properties of a task: what differs between the task as it was read and as it is to be."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Final

from remembrancer.model.dependency import dependencies_text
from remembrancer.model.plain_schedules import Cron
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.policies.additions import pending_additions
from remembrancer.policies.skips import pending_skips
from remembrancer.stores.rows import audit_rows, node_rows
from remembrancer.stores.rows.wait_keys import NOT_WAITING

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Edit
    from remembrancer.stores.commits.row_types.tasks import EditRow
    from remembrancer.stores.commits.statement import Row

_KINDS: Final = {"pause": "task_paused", "resume": "task_resumed"}
"""The kind of the event of each action; of others `task_updated`."""
_UNSEEN: Final = frozenset({"fence", "deferral_history", "unreadable", "outcomes_since_ms", *NOT_WAITING})
"""Fields that an entry of the audit log leaves out."""


_SHOWN: Final = 20
"""Times of additions or skips that an entry of the audit log names."""


def edit_row(edit: Edit) -> EditRow:
    """Return the row that edits a task, once what is outstanding has moved its fence."""
    before, after, outstanding = edit.before, edit.after, edit.outstanding
    if before.wait_key is not None:  # the policies decide anew
        after = after.model_copy(update=NOT_WAITING)
    was, will = node_rows.task_properties(before), node_rows.task_properties(after)
    changed: Row = {name: will.get(name) for name in {**was, **will} if will.get(name) != was.get(name)}
    if outstanding:  # it has moved the task on, by the same properties
        changed |= {name: will.get(name) for name in ("next_run_ms", "due_key", "nominal_ms")}
    changed.pop("fence", None)
    texts = _differences(before, after)
    crons = (_expression(before), _expression(after))
    return {
        **audit_rows.change_row(edit.task_id, edit.change, outstanding),
        "kind": _KINDS.get(edit.change.action, "task_updated"),
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
    for name in changed.keys() & {"additions", "skips"}:
        changed[name] = (_times(name, before), _times(name, after))
    if "context" in changed:  # as text: within the entry it would be nested too deeply
        changed["context"] = (node_rows.to_json(before.context), node_rows.to_json(after.context))
    if "depends_on" in changed:
        changed["depends_on"] = (dependencies_text(before.depends_on), dependencies_text(after.depends_on))
    if "schedule_spec" in changed:  # the dates of a calendar are many, and its version says which they are
        changed["schedule_spec"] = (_outline(before.schedule_spec), _outline(after.schedule_spec))
    return changed


def _outline(text: str | None) -> str | None:
    """Return a schedule without the dates of its calendars."""
    return text if text is None or '"kind":"calendar"' not in text else json.dumps(json.loads(text, object_hook=_short))


def _short(held: dict[str, object]) -> dict[str, object]:
    return {name: each for name, each in held.items() if name != "dates"} if held.get("kind") == "calendar" else held


def _times(name: str, task: ScheduledTask) -> list[str]:
    """Return the times of the additions or skips that *task* has ahead, as many as an entry holds."""
    ahead = pending_additions(task) if name == "additions" else pending_skips(task)
    shown = [to_iso(from_ms(each.at_ms)) for each in ahead]
    return [*shown[:_SHOWN], f"and {len(shown) - _SHOWN} more"] if len(shown) > _SHOWN else shown


def _expression(task: ScheduledTask) -> str | None:
    return schedule.expression if isinstance(schedule := task.schedule, Cron) else None


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def _text(values: dict[str, object]) -> str:
    shown = {name: to_iso(each) if isinstance(each, datetime) else each for name, each in values.items()}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
