"""Results of a handler: done, failed with a reason, to be tried again, deferred to a time, or a question to people."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 (part of the public signature)
from dataclasses import dataclass
from datetime import datetime, timedelta  # noqa: TC003 (part of the public signature)
from typing import TYPE_CHECKING, Final

from remembrancer.model.budget import MOST, micros_of, money_text
from remembrancer.model.constraints import read_integer
from remembrancer.model.question import OnNoAnswer  # noqa: TC001 (part of the public signature)

if TYPE_CHECKING:
    from remembrancer.model.execution import ExecutionStatus, Reason

THOUGHT_REFUSED: Final = "The thought was refused."
"""Prefix of the reason of an execution that failed because its thought cannot be stored."""


@dataclass(frozen=True, slots=True)
class Thought:
    """A unit of the agent's thinking, as stored in the graph."""

    thought_id: str
    """The key of the thought, unique in the graph."""
    content: str
    """The text of the thought."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of a run, of the budget of its lineage.

    Args:
        tokens: Tokens.
        money: A whole number, or text with up to six decimals such as `0.05`; no float, which is never exact.

    Raises:
        InvalidInput: One of them is no such amount.
    """

    tokens: int = 0
    money: int | str = 0

    def __post_init__(self) -> None:
        """Check the amounts."""
        read_integer("tokens", self.tokens, 0, MOST, 2000)
        micros_of("money", self.money)

    @property
    def amounts(self) -> tuple[int, int]:
        """The tokens, and the money in millionths."""
        return self.tokens, micros_of("money", self.money)

    def __add__(self, other: Usage) -> Usage:
        """Return the sum of two."""
        money = self.amounts[1] + other.amounts[1]
        return Usage(self.tokens + other.tokens, money_text(money))


@dataclass(frozen=True, slots=True)
class Done:
    """The work is done.

    Args:
        result: The result to store, as text.
        thought: A thought that the work created, linked by CREATED_THOUGHT.
        next_check: The next run of a task of kind `paced`: a length of time from now, a timedelta, or a moment.
        usage: What the run has used of the budget of its lineage; None: what `Firing.spend` was called with.
    """

    result: str | None = None
    thought: Thought | None = None
    next_check: datetime | timedelta | str | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The work failed; *reason* says why, for people.

    Args:
        reason: The reason, for people; its first 10,000 characters are stored.
        permanent: True if another attempt would fail too: none follows, whatever the task's `retry` says.
    """

    reason: str
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """The work failed, and another attempt is to follow, up to the task's `max_attempts`.

    Args:
        after: The wait until then, such as the Retry-After of a rate limit: seconds, a timedelta, or a length such as
            `90s`; None: as the task's `retry` says.
        reason: The reason, for people.
    """

    after: float | timedelta | str | None = None
    reason: str = "The handler asked for another attempt."


@dataclass(frozen=True, slots=True)
class Defer:
    """The work is deferred to *until*, because of *reason*.

    Args:
        until: A datetime, a timedelta from now, or text such as `in 2h`; in the task's zone if it names no offset.
        reason: The reason, for people.
        thought_id: The thought that asks for it.
    """

    until: datetime | timedelta | str
    reason: str
    thought_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """The run waits for an answer of people: it begins again once there is one, with `Firing.answer`.

    Args:
        question: The question, for people.
        of: The people or roles that are asked: one, or several.
        within: The time for an answer: a timedelta, or text such as `2d`; None without an end.
        on_no_answer: The treatment of no answer by then; unless given, `give_up` with `within`, and `wait` without.
        reminders: The number of times that `remind` asks again.
        escalate_to: The people or roles that `escalate` asks next.
        thought_id: The thought that asks.
    """

    question: str
    of: str | Sequence[str] = ()
    within: timedelta | str | None = None
    on_no_answer: OnNoAnswer | str | None = None
    reminders: int = 3
    escalate_to: str | Sequence[str] = ()
    thought_id: str | None = None


HandlerResult = Done | Failed | Retry | Defer | Ask


@dataclass(frozen=True, slots=True)
class HandlerOutcome:
    """The end of a run, before it is written."""

    status: ExecutionStatus
    reason_code: Reason | None = None
    reason: str | None = None
    result: str | None = None
    thought: Thought | None = None
    deferral: Defer | Ask | None = None
    next_check: datetime | timedelta | str | None = None
    usage: Usage | None = None
    faults: tuple[str, ...] = ()
    """The names of the class of the exception that was raised, and of its base classes."""
    is_permanent: bool = False
    """True if another attempt would fail too."""
    retry: Retry | None = None
    """The handler's request for another attempt."""
