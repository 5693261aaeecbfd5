"""The parameters and the entries of the operations that change single occurrences of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StrictBool, StrictInt

from remembrancer.model.skip_mark import MOST_SKIPPED
from remembrancer.model.task import Backfill, FireChange
from remembrancer.model.token import Scope
from remembrancer.operations.edits.edit_operations import TASK
from remembrancer.operations.operation import Effect, Http, Operation
from remembrancer.operations.parameters import Fence, OneTask

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation


class SkipNext(OneTask):
    """The task, how many of its next occurrences are skipped, and the reason."""

    n: Annotated[StrictInt, Field(ge=0, le=MOST_SKIPPED, description="Occurrences to skip; 0 lets all run again.")] = 1
    reason: str | None = None
    fence: Fence = None


class AddFire(OneTask):
    """The task, the time of one more occurrence, and the reason."""

    at: str | None = None
    reason: str | None = None
    fence: Fence = None


class RescheduleOccurrence(OneTask):
    """The task, the occurrence that is moved, its new time, and the reason."""

    occurrence: str
    to: str
    reason: str | None = None
    fence: Fence = None


class BackfillTask(OneTask):
    """The task, the range in the past, and the reason."""

    start: str
    end: str
    dry_run: Annotated[StrictBool, Field(description="List what would start, and write nothing.")] = False
    again: Annotated[StrictBool, Field(description="Also run occurrences that have completed.")] = False
    reason: str | None = None
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
