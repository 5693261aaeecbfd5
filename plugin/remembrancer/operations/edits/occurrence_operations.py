"""The parameters and the entries of the operations that change single occurrences of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StrictBool, StrictInt

from remembrancer.model.skip_mark import MOST_SKIPPED
from remembrancer.model.task import Backfill, FireChange
from remembrancer.model.token import Scope
from remembrancer.operations.edits.edit_operations import TASK
from remembrancer.operations.operation import Effect, Http, Operation
from remembrancer.operations.parameters import Fence, MaybeReason, OneTask

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation


class SkipNext(OneTask):
    """The task, how many of its next occurrences are skipped, and the reason."""

    n: Annotated[StrictInt, Field(ge=0, le=MOST_SKIPPED, description="Occurrences to skip; 0 lets all run again.")] = 1
    reason: MaybeReason = None
    fence: Fence = None


class AddFire(OneTask):
    """The task, the time of one more occurrence, and the reason."""

    at: Annotated[str | None, Field(description="Its time, ISO-8601 or from now; without it, now.")] = None
    reason: MaybeReason = None
    fence: Fence = None


class RescheduleOccurrence(OneTask):
    """The task, the occurrence that is moved, its new time, and the reason."""

    occurrence: Annotated[str, Field(description="The time of the occurrence, as the fires of the task show it.")]
    to: Annotated[str, Field(description="Its new time, ISO-8601 or from now.")]
    reason: MaybeReason = None
    fence: Fence = None


class BackfillTask(OneTask):
    """The task, the range in the past, and the reason."""

    start: Annotated[str, Field(description="The beginning of the range.")]
    end: Annotated[str, Field(description="The end of the range.")]
    dry_run: Annotated[StrictBool, Field(description="List what would start, and write nothing.")] = False
    again: Annotated[StrictBool, Field(description="Also run occurrences that have completed.")] = False
    reason: MaybeReason = None
    fence: Fence = None


OCCURRENCES: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="skip_next",
        summary="Skip the next `n` occurrences of a task, in place of those asked for before; 0 lets all run again.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=SkipNext,
        result=FireChange,
        http=(Http(verb="POST", path=f"{TASK}/skip"),),
    ),
    Operation(
        name="add_fire",
        summary="Add one occurrence to a task at a time; without `at`, now.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=AddFire,
        result=FireChange,
        http=(Http(verb="POST", path=f"{TASK}/fires"),),
    ),
    Operation(
        name="reschedule",
        summary="Move one occurrence of a task to another time; the others stay.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=RescheduleOccurrence,
        result=FireChange,
        http=(Http(verb="POST", path=f"{TASK}/reschedule"),),
    ),
    Operation(
        name="backfill",
        summary="Run the occurrences of a range in the past, one after the other, or only list them.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=BackfillTask,
        result=Backfill,
        http=(Http(verb="POST", path=f"{TASK}/backfill"),),
    ),
)
"""Changes of single occurrences of an open task, each conditional on its fence."""
