"""Dependencies: the tasks that a task waits for, and the outcomes of them that its handler gets.

In the graph, the dependencies of a task are JSON text on its node, and an edge `DEPENDS_ON` to each of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Final, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainValidator, WithJsonSchema

from remembrancer.model.schedule_fields import as_text

MOST_DEPENDENCIES: Final = 100
"""The most tasks that one task depends on: each run reads the outcomes of all of them."""
PERIOD: Final = "period"
"""The window from the occurrence before to this one."""
LATEST: Final = "latest"
"""The window that holds the latest outcome alone."""


class OnFailure(StrEnum):
    """The effect on a dependent of an outcome of its dependency that its trigger rule does not accept."""

    BLOCK = "block"
    """It waits, visibly, until the outcome is mended or a person decides."""
    IGNORE = "ignore"
    """The outcome counts as done: it neither blocks nor cancels."""
    CANCEL = "cancel"
    """Its occurrence does not run; a one-time task ends."""


class TriggerRule(StrEnum):
    """The outcomes of its dependencies that let a dependent run."""

    ALL_SUCCEEDED = "all_succeeded"
    """All have completed."""
    ANY_SUCCEEDED = "any_succeeded"
    """One has completed, whatever the others do."""
    ALL_DONE = "all_done"
    """All have an outcome, whatever it is."""
    NONE_FAILED = "none_failed"
    """All have an outcome and none has failed: they completed, or were skipped."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """A task that another one waits for.

    Args:
        task: The task, by its id. In a request also its dedup_key; beside tasks of the same call or set also the key
            or the name of one of these.
        on_failure: The effect of an outcome that the trigger rule does not accept.
        delay: The time from its last outcome to the run of the dependent: `5m`, `1h30m`.
        window: Which of its occurrences count: those of the dependent's `period`, from the occurrence before to this
            one; the `latest` alone; or those within a length of time before the occurrence, such as `24h`.
    """

    task: str
    on_failure: OnFailure = OnFailure.BLOCK
    delay: str | None = None
    window: str = PERIOD

    def __post_init__(self) -> None:
        """Take lengths of time as text."""
        as_text(self, "delay", "window")

    def __str__(self) -> str:
        """Return the dependency as lists show it."""
        told = self.task if self.on_failure is OnFailure.BLOCK else f"{self.task}:{self.on_failure}"
        more = [f"delay {self.delay}" if self.delay else "", f"window {self.window}" if self.window != PERIOD else ""]
        shown = ", ".join(filter(None, more))
        return f"{told} ({shown})" if shown else told

    def fields(self) -> dict[str, str]:
        """Return the fields that differ from their defaults, and the task."""
        given = {"task": self.task, "on_failure": self.on_failure.value, "delay": self.delay, "window": self.window}
        default = {"on_failure": OnFailure.BLOCK.value, "window": PERIOD}
        return {name: value for name, value in given.items() if value is not None and value != default.get(name)}


def dependencies_text(dependencies: tuple[Dependency, ...]) -> str | None:
    """Return dependencies as the graph keeps them; None for none."""
    if not dependencies:
        return None
    return json.dumps([each.fields() for each in dependencies], ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=4096)
def dependencies_from(text: str) -> tuple[Dependency, ...]:
    """Return the dependencies that a text holds. Raises ValueError if it cannot be read."""
    kept = json.loads(text)
    if not isinstance(kept, list):
        raise ValueError("depends_on is no list")  # noqa: TRY004 (a record that cannot be read)
    return tuple(_from_fields(each) for each in cast("list[object]", kept))


def _from_fields(kept: object) -> Dependency:
    if isinstance(kept, Dependency):
        return kept
    if not isinstance(kept, Mapping):
        raise ValueError("a dependency is no object")  # noqa: TRY004
    fields = cast("Mapping[str, str | None]", kept)
    if not isinstance(fields.get("task"), str):
        raise ValueError("a dependency names no task")  # noqa: TRY004
    return Dependency(
        str(fields["task"]),
        OnFailure(fields.get("on_failure") or OnFailure.BLOCK),
        fields.get("delay"),
        fields.get("window") or PERIOD,
    )


def _readable(kept: object) -> object:
    """Return dependencies from the text of a node, or from their fields."""
    if kept is None:
        return ()
    if isinstance(kept, str):
        return dependencies_from(kept)
    if isinstance(kept, list | tuple):
        return tuple(_from_fields(each) for each in cast("list[object]", kept))
    return kept


Dependencies = Annotated[tuple[Dependency, ...], BeforeValidator(_readable)]
"""The dependencies of a kept task."""
_OBJECT: Final = {
    "type": "object",
    "required": ["task"],
    "additionalProperties": False,
    "properties": {
        "task": {"type": "string"},
        "on_failure": {"type": "string", "enum": [each.value for each in OnFailure]},
        "delay": {"type": ["string", "null"]},
        "window": {"type": "string"},
    },
}


def _as_given(value: object) -> object:
    return value


DependsOn = Annotated[
    Sequence[Dependency | Mapping[str, object] | str],
    PlainValidator(_as_given),
    WithJsonSchema({"type": "array", "items": {"anyOf": [{"type": "string"}, _OBJECT]}}),
]
"""Dependencies as a request gives them: texts, objects, or values of `Dependency`."""


class DependencyOutcome(BaseModel):
    """An outcome of a task that the running one depends on, for the handler."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    """The task that it depends on."""
    name: str
    """The name of that task."""
    execution_id: str | None = None
    """The execution; None for a task that has ended and whose executions are gone."""
    status: str
    """The outcome of the execution, such as `completed`; without an execution, that of the task in small letters."""
    nominal_at: datetime | None = None
    """The time (UTC) of the occurrence."""
    completed_at: datetime | None = None
    """The time (UTC) of the outcome."""
    result: str | None = None
    """The result of its handler, as text."""
    reason_code: str | None = None
    """The code of the reason, if it did not simply succeed."""
    reason: str | None = None
    """The reason as text."""
