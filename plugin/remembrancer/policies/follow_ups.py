"""Follow-ups: the task that a missed outcome makes. Pure functions.

The laws:

- Each outcome `missed`, whatever its reason, makes one follow-up of a task with `follow_up`, in its own commit. An
  outcome that stands for many occurrences in a row makes one for all.
- The id of a follow-up follows from the occurrence, so that no repetition makes a second one.
- A follow-up belongs to the lineage of the task, one generation deeper. Bounds of the lineage and quotas hold; one that
  finds no room is not made, the reason of the outcome says so, and the outcome stands.
- What held the task holds no follow-up: it has no concurrency key, overlap, circuit or dependencies of the task.
- A follow-up has a follow-up only if the task's names one within its own: no loop comes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from remembrancer.model.constraints import LONGEST_NAME, LONGEST_TEXT
from remembrancer.model.ids import follow_up_id_of
from remembrancer.model.priority import USUAL
from remembrancer.model.task import ScheduledTask
from remembrancer.model.timestamps import LAST_MS, from_ms, to_iso, to_ms
from remembrancer.policies.priority import with_priority
from remembrancer.ports.writes import NewFollowUp

if TYPE_CHECKING:
    from remembrancer.model.execution import Execution
    from remembrancer.policies.decision import PlanContext

_TAKEN: Final = (
    *("origin_thought_id", "timezone", "on_lost", "max_attempts", "timeout_seconds", "retry", "tags", "group"),
    *("queue", "priority", "context", "estimate", "traceparent"),
)
"""The fields that a follow-up takes from the task."""


def follow_up_of(task: ScheduledTask, missed: Execution, context: PlanContext) -> NewFollowUp:
    """Return the follow-up of the missed occurrences for which *missed* stands."""
    wish = task.follow_up or {}
    told = _told(task, missed)
    due_ms = min(LAST_MS, context.now_ms + round(cast("float", wish.get("delay", 0.0)) * 1000))
    given: dict[str, object] = {
        "task_id": follow_up_id_of(missed.occurrence_key, to_ms(missed.nominal_at)),
        "name": wish.get("name", f"Follow up: {task.name}"[:LONGEST_NAME]),
        "goal_description": wish.get("goal", told[:LONGEST_TEXT]),
        "trigger_prompt": wish.get("prompt", f"{told} The task was: {task.trigger_prompt}"[:LONGEST_TEXT]),
        "created_at": context.now,
        "defer_until": from_ms(due_ms),
        "next_run_ms": due_ms,
        "nominal_ms": due_ms,
        "deadline_seconds": wish.get("deadline"),
        "follow_up": wish.get("follow_up"),
        "follow_up_of": missed.execution_id,
        "lineage_id": task.lineage_id or task.origin_thought_id,
        "parent_id": task.task_id,
        "generation": (task.generation or 0) + 1,
        "created_via": "scheduler",
        "created_by": missed.execution_id,
    }
    given = {**{name: getattr(task, name) for name in _TAKEN}, **given}
    if "queue" in wish:
        given["queue"] = wish["queue"]
    if "priority" in wish:
        given["priority"] = None if wish["priority"] == USUAL else wish["priority"]
    return NewFollowUp(with_priority(ScheduledTask.model_validate(given)))


def _told(task: ScheduledTask, missed: Execution) -> str:
    """Return in words what was missed."""
    first, last = to_iso(missed.nominal_at), to_iso(missed.last_nominal_at or missed.nominal_at)
    which = f"of {first}" if missed.occurrences == 1 else f"from {first} to {last}"
    many = "The occurrence" if missed.occurrences == 1 else f"{missed.occurrences:,} occurrences"
    was = "was" if missed.occurrences == 1 else "were"
    return f"{many} {which} of {task.name} {was} missed: {missed.reason}"
