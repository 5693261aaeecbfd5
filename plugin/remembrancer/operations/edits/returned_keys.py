"""Dedup keys that edits take from ended tasks, which give them back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remembrancer.model.policy import DedupReuse

if TYPE_CHECKING:
    from remembrancer.ports.task_store import TaskStore
    from remembrancer.ports.writes import Edit


async def with_returned_key(tasks: TaskStore, edit: Edit) -> Edit:
    """Return *edit* with the ended task that gives back the dedup_key it takes; unchanged if there is none."""
    key = edit.after.dedup_key
    if key is None or key == edit.before.dedup_key:
        return edit
    holder = await tasks.find_by_dedup_key(key)
    if holder is None or holder.is_open or holder.dedup_reuse is DedupReuse.NEVER:
        return edit
    return replace(edit, returned=holder)
