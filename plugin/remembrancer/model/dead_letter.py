"""Dead letters: failures that no attempt follows, one for each task and fault, with a count."""

from __future__ import annotations

import re
from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from hashlib import blake2b
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from remembrancer.model.execution import Reason

_LONGEST: Final = 200
_DIGITS: Final = re.compile(r"\d+")
_LOST: Final = "Its scheduler went away while it ran."


class DeadLetter(BaseModel):
    """An incident: the failures of one task for one fault, each the outcome of an occurrence."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    dead_letter_id: str
    """The key of the dead letter; it is the same for the same task and fault."""
    task_id: str
    """The task that failed."""
    reason_code: Reason
    """The code of the reason of the failures."""
    fault: str
    """The first line of the reason of the first failure, at most 200 characters."""
    failures: int
    """The number of failures."""
    first_at: datetime
    """The time (UTC) of the first failure."""
    last_at: datetime
    """The time (UTC) of the last failure."""
    execution_id: str
    """The last execution that failed."""
    ended_because: str | None = None
    """Why no attempt followed the last failure; None if that is not known."""


def fault_of(code: Reason | None, reason: str | None) -> str:
    """Return the fault that a reason names: its first line; one text for all executions that were lost."""
    if code is Reason.LEASE_EXPIRED:
        return _LOST
    return ((reason or "").strip().splitlines() or [str(code)])[0][:_LONGEST]


def dead_letter_id_of(task_id: str, code: Reason | None, fault: str) -> str:
    """Return the key of the dead letter of a task and a fault: numbers in the fault make no difference."""
    text = f"{task_id}|{code}|{_DIGITS.sub('#', fault)}"
    return f"dead_{blake2b(text.encode('utf-8', 'backslashreplace'), digest_size=8).hexdigest()}"


class Rerun(NamedTuple):
    """Another run of the task of a dead letter."""

    letter: DeadLetter
    changed_input: str | None
    """The prompt and the context that it has in place of its task's, as JSON; None to run it as it was."""
