"""The parameters of the operations on questions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt

from remembrancer.model.question import OnNoAnswer  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.operations.operation import Params
from remembrancer.operations.parameters import Fence, Limit, OneTask, Thought


class QuestionFields(Params):
    """A question, those it is asked of, and what no answer means."""

    question: Annotated[str, Field(description="The question, for people.")]
    of: Annotated[str | list[str] | None, Field(description="The person or role that is asked, or a list of them.")] = (
        None
    )
    within: Annotated[str | None, Field(description="The time for an answer, such as 2d; null: without an end.")] = None
    on_no_answer: Annotated[
        OnNoAnswer | None,
        Field(description="The treatment of no answer by then; if null, `give_up` with `within`, else `wait`."),
    ] = None
    reminders: Annotated[StrictInt, Field(ge=1, le=1000, description="How often `remind` asks again.")] = 3
    escalate_to: Annotated[
        str | list[str] | None, Field(description="The person or role that `escalate` asks next, or a list of them.")
    ] = None


class AskTask(QuestionFields, OneTask):
    """The task whose next run is to wait, the question, and those it is asked of."""

    thought_id: Thought = None
    fence: Fence = None


class AnswerTask(OneTask):
    """The task that waits, and the answer to its question."""

    answer: Annotated[str, Field(description="`yes`, `no`, or another text; after `no` the run is skipped.")]
    fence: Fence = None


class OpenQuestions(Params):
    """The number of questions to return."""

    limit: Limit = 100
