"""The entries of the table of operations that concern questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.question import Question
from remembrancer.model.task import ScheduleResult
from remembrancer.model.token import Scope
from remembrancer.operations.edits.edit_operations import TASK
from remembrancer.operations.operation import Effect, Http, Operation
from remembrancer.operations.questions import question_parameters

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation

QUESTIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="ask_task",
        summary="Let a task's next run wait for an answer of people.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=question_parameters.AskTask,
        result=ScheduleResult,
        http=(Http(verb="POST", path=f"{TASK}/question"),),
    ),
    Operation(
        name="answer_task",
        summary="Answer the open question of a task: its run begins, or is skipped if the answer is `no`.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=question_parameters.AnswerTask,
        result=ScheduleResult,
        http=(Http(verb="POST", path=f"{TASK}/answer"),),
    ),
    Operation(
        name="questions",
        summary="Return the open questions, the oldest first.",
        params=question_parameters.OpenQuestions,
        result=list[Question],
        http=(Http(verb="GET", path="/scheduler/questions"),),
    ),
)
"""Questions of tasks to people."""
