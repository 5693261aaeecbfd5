"""A request to schedule: what `schedule_task` takes, as one value."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, ConfigDict, Strict

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold, Gap, Misfire, OnLost, SecondsField
from remembrancer.model.schedule import ScheduleArgument  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.suggestions import nearest, unknown
from remembrancer.model.task import MISFIRE_GRACE_SECONDS, MISFIRE_LIMIT

Whole = Annotated[int, Strict()]
"""A whole number, and nothing that could be read as one: `true` is not 1."""
Number = Annotated[float, Strict()]


def _no_number(value: object) -> object:
    """Refuse a number for a moment: of which unit and epoch it counts is not known."""
    if value is None or isinstance(value, str | datetime):
        return value
    raise ValueError("a moment is text: an ISO-8601 date and time with Z or an offset such as +02:00")


Moment = Annotated[str | datetime | None, BeforeValidator(_no_number)]


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """One task to be scheduled, not checked yet: the scheduler refuses it at the door with `InvalidInput`.

    Args:
        name: What people call the task.
        goal_description: What it is for.
        trigger_prompt: What the handler is given when the task fires.
        origin_thought_id: The thought that asks for it.
        defer_until: ISO-8601 with a zone, or an aware datetime: when it runs, or its cron schedule begins.
        schedule_cron: A cron expression; `defer_until`, `schedule_cron` or both must be given, or `schedule`.
        schedule: A schedule of any kind, as a value such as `Cron` or as a JSON object with its `kind`.
        timezone: An IANA name, in which the cron expression is read; None is UTC.
        gap: What to do with a wall time that does not exist on the day of a clock change.
        fold: What to do with a wall time that exists twice.
        seconds: Where a six-field expression keeps its seconds; needed with six fields only.
        misfire: What to do with occurrences found later than the grace.
        misfire_limit: How many of them `run_all` runs at most.
        misfire_grace_seconds: How late an occurrence may be found and still count as in time.
        on_lost: What becomes of an occurrence whose scheduler died while it ran.
        max_attempts: How often an occurrence is tried at most.
        timeout_seconds: How long the handler may take; None is the scheduler's own limit.
        dedup_key: Scheduling again under the same key returns the task that is there.
        context: Any JSON object for the handler.

    Raises InvalidInput: another argument was given; the message names the one that was meant.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: str
    goal_description: str
    trigger_prompt: str
    origin_thought_id: str
    defer_until: Moment = None
    schedule_cron: str | None = None
    schedule: ScheduleArgument = None
    timezone: str | None = None
    gap: Gap | str = Gap.RUN_AFTER
    fold: Fold | str = Fold.FIRST
    seconds: SecondsField | str | None = None
    misfire: Misfire | str = Misfire.RUN_ONCE
    misfire_limit: Whole = MISFIRE_LIMIT
    misfire_grace_seconds: Number = MISFIRE_GRACE_SECONDS
    on_lost: OnLost | str = OnLost.FAIL
    max_attempts: Whole = 3
    timeout_seconds: Number | None = None
    dedup_key: str | None = None
    context: dict[str, Any] | None = None

    def __new__(cls, *_: object, **given: object) -> Self:
        """Refuse what is no field; only then are the others looked at."""
        for name, value in given.items():
            if name not in cls.__dataclass_fields__:
                known = [each.name for each in fields(cls)]
                raise InvalidInput(name, value, unknown(name, known), nearest(name, known) or known[0])
        return object.__new__(cls)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What a request is known by that may be sent again: it is acted on once, and then told what came of it.

    Args:
        owner: Who sent it.
        given: The key that it was sent under, one of the owner's own.
        digest: Of all that it asks for: under one key, no two requests with different ones.
    """

    owner: str
    given: str
    digest: str

    @property
    def key(self) -> str:
        """The key, unique in a graph."""
        return f"{self.owner}|{self.given}"

    def of_task(self, place: int) -> str:
        """Return the dedup_key of the task at this place among those that the request makes."""
        return f"{self.key}|{place}"
