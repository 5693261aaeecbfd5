"""Values of the schedules whose occurrences are not known ahead: they come when something has happened.

Between two occurrences such a task is open and not armed. The scheduler adds its occurrences, each with its cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from remembrancer.model.schedule_fields import as_text

_SHOWN: Final = 60
"""Characters of a query that lists show."""


@dataclass(frozen=True, slots=True)
class After:
    """One occurrence for each outcome of another task, from the time at which this task is made.

    Args:
        task_id: The other task, which is open. In a request its dedup_key or name, if the same call makes it.
        delay: The time from the outcome to the occurrence: `5m`, `1h30m`.
        on: The outcomes that count: `completed`, `failed`, or `ended` for both.
    """

    recurring: ClassVar[bool] = True
    reacts: ClassVar[bool] = True

    task_id: str
    delay: str | None = None
    on: str = "completed"
    kind: Literal["after"] = field(default="after", repr=False)

    def __post_init__(self) -> None:
        """Take a length of time as text."""
        as_text(self, "delay")

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        verb = {"completed": "completes", "failed": "fails", "ended": "ends"}.get(self.on, self.on)
        return f"after {self.task_id} {verb}{f', {self.delay} later' if self.delay else ''}"


@dataclass(frozen=True, slots=True)
class Cue:
    """One occurrence for each new match of a query over the memory graph: a row that was not there at the check before.

    The row is the detail of the occurrence. Its column `match` tells rows apart, or else the whole row.

    Args:
        cypher: A query that reads. Its parameters `$now`, `$last_check` and `$task_id` have a value at each check.
        parameters: Values of its other parameters, as a JSON object.
        every: The time from one check to the next: `1m`, `1h30m`.
        existing: The matches of the first check: `fire` each, or `ignore` them.
    """

    recurring: ClassVar[bool] = True
    reacts: ClassVar[bool] = True

    cypher: str
    parameters: Mapping[str, object] | None = field(default=None, hash=False)
    every: str = "1m"
    existing: str = "fire"
    kind: Literal["cue"] = field(default="cue", repr=False)

    def __post_init__(self) -> None:
        """Take a length of time as text, and parameters as a plain object."""
        as_text(self, "every")
        if isinstance(self.parameters, Mapping):
            object.__setattr__(self, "parameters", dict(self.parameters) or None)

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        text = " ".join(str(self.cypher).split())
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        return f"on each new match of {shown} (every {self.every})"


@dataclass(frozen=True, slots=True)
class Paced:
    """One occurrence at a time: the handler names the next check with its answer, `Done(next_check="2h")`.

    Args:
        least: The shortest time from an outcome to the next check: `5m`.
        most: The longest, and the time to the next check after an outcome that names none: `1d`.
    """

    recurring: ClassVar[bool] = True
    reacts: ClassVar[bool] = True

    least: str = "5m"
    most: str = "1d"
    kind: Literal["paced"] = field(default="paced", repr=False)

    def __post_init__(self) -> None:
        """Take lengths of time as text."""
        as_text(self, "least", "most")

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        return f"at the agent's pace, {self.least} to {self.most}"
