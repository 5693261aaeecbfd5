"""The entries of the table of operations that concern dead letters, and their parameters."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from remembrancer.model.constraints import read_context
from remembrancer.model.dead_letter import DeadLetter
from remembrancer.model.execution import Execution
from remembrancer.model.token import Scope
from remembrancer.operations.operation import AnyOperation, Effect, Http, Operation, Params
from remembrancer.operations.parameters import AnyContext, Force, Limit  # noqa: TC001 (pydantic reads the annotations)

_LETTER: Final = "/scheduler/dead-letters/{dead_letter_id}"
_Id = Annotated[str, Field(description="The id of the dead letter.")]


class ListDeadLetters(Params):
    """The task whose dead letters to list, and the most of them."""

    task_id: Annotated[str | None, Field(description="Only those of this task.")] = None
    limit: Limit = 100


class RerunDeadLetter(Params):
    """A dead letter, the input to run its task with, and the reason."""

    dead_letter_id: _Id
    trigger_prompt: Annotated[str | None, Field(description="Another prompt for this run.")] = None
    context: Annotated[AnyContext, Field(description="Another context for this run.")] = None
    reason: Annotated[str | None, Field(description="The reason, for people.")] = None
    force: Force = False

    def check(self) -> None:
        """Refuse a context that is not JSON. Raises InvalidInput."""
        read_context(self.context)


class ClearDeadLetter(Params):
    """A dead letter, and the reason for which it is cleared."""

    dead_letter_id: _Id
    reason: Annotated[str, Field(description="The reason, for people.")]


DEAD_LETTERS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="dead_letters",
        summary="List the failures that no attempt follows, one for each task and fault, the last to fail first.",
        params=ListDeadLetters,
        result=list[DeadLetter],
        http=(Http(verb="GET", path="/scheduler/dead-letters"),),
    ),
    Operation(
        name="rerun",
        summary="Run the task of a dead letter again, as it was or with other input, outside its schedule.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=RerunDeadLetter,
        result=Execution,
        http=(Http(verb="POST", path=f"{_LETTER}/run"),),
    ),
    Operation(
        name="clear_dead_letter",
        summary="Clear a dead letter, with a reason; its executions stay. False: it is gone, or has failed meanwhile.",
        scope=Scope.WRITE,
        effect=Effect.DESTROYS,
        params=ClearDeadLetter,
        result=bool,
        http=(Http(verb="POST", path=f"{_LETTER}/clear"),),
    ),
)
"""Failures that no attempt follows."""
