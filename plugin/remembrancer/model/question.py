"""Questions to people: a run that waits for an answer, the treatment of none, and the answer."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from enum import StrEnum
from functools import lru_cache

from pydantic import BaseModel, ConfigDict


class OnNoAnswer(StrEnum):
    """The policy for a question without an answer within its time."""

    WAIT = "wait"
    """Wait without an end."""
    REMIND = "remind"
    """Ask again after each such time, `reminders` times; then give up."""
    ESCALATE = "escalate"
    """Ask those in `escalate_to` instead, for as long again; then give up."""
    GIVE_UP = "give_up"
    """Give up: the run is skipped, with reason code `no_answer`."""


class Question(BaseModel):
    """An open question: the run of a task waits for its answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    question_id: str
    """The key of the deferral that asks it."""
    task_id: str
    """The task that waits."""
    task: str
    """The name of the task, as it was when the question was asked."""
    question: str
    """The text, at most 20,000 characters."""
    asked_of: tuple[str, ...] = ()
    """The people or roles that are asked; none in particular if empty."""
    asked_at: datetime
    """The time (UTC) of the question."""
    run_at: datetime
    """The time (UTC) of the run that waits; it runs then, or at the answer if that comes later."""
    answer_by: datetime | None = None
    """The time (UTC) at which `on_no_answer` has its effect; None: never."""
    within_seconds: float | None = None
    """The time for an answer, in seconds; None without an end."""
    on_no_answer: OnNoAnswer = OnNoAnswer.WAIT
    """The treatment of no answer by then."""
    reminders_left: int = 0
    """The number of times that it is asked again."""
    escalate_to: tuple[str, ...] = ()
    """The people or roles that are asked next."""


class Answer(BaseModel):
    """The answer to a question of a task."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    question_id: str
    """The key of the deferral that asked."""
    question: str
    """The text of the question."""
    text: str
    """The answer: `yes`, `no` or another text, at most 20,000 characters."""
    is_refusal: bool = False
    """True if it is `no`: then the run does not begin."""
    answered_by: str | None = None
    """The actor who answered: a token's name, a login name; None where none is known."""
    surface: str
    """The surface by which it came: service, cli, rest, …"""
    answered_at: datetime
    """The time (UTC) of the answer."""
    run_at: datetime
    """The time (UTC) of the run that it lets begin."""


@lru_cache(512)
def question_from(text: str) -> Question:
    """Read a question as its task keeps it. Raises ValueError."""
    return Question.model_validate_json(text)


@lru_cache(512)
def answer_from(text: str) -> Answer:
    """Read an answer as its task keeps it. Raises ValueError."""
    return Answer.model_validate_json(text)
