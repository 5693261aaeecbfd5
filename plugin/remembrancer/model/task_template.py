"""Templates of tasks, with parameters of a type."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask

ParameterValue = StrictStr | StrictInt | StrictFloat
"""A value of a parameter."""


class ParameterType(StrEnum):
    """The type of the values of a parameter."""

    TEXT = "text"
    """Any text."""
    NUMBER = "number"
    """A number; text that spells one, such as "3", is read as the number."""
    TIME = "time"
    """A time of day, a date, a date and time, or a time from now."""
    DURATION = "duration"
    """A length of time, such as 90m or 1h30m."""
    ZONE = "zone"
    """An IANA time zone."""
    CHOICE = "choice"
    """One of the values that are allowed."""


class TemplateParameter(BaseModel):
    """A parameter of a template."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: ParameterType
    """The type of its values."""
    description: str | None = None
    """A sentence for people."""
    default: ParameterValue | None = None
    """The value where none is given; None: one has to be given."""
    allowed: list[ParameterValue] | None = None
    """The values that it may have; None: all of its type."""
    example: ParameterValue | None = None
    """A value that works, for refusals, and to try the template with when it is defined."""


class TaskTemplate(BaseModel):
    """A template: the fields of a task, with `{parameter}` where a value goes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    """The name under which it is used."""
    description: str | None = None
    """Its purpose, for people."""
    parameters: dict[str, TemplateParameter] = Field(default_factory=dict[str, TemplateParameter])
    """Its parameters, by their names."""
    task: dict[str, object]
    """The fields of the task, as a declared set has them, with places for values."""
    version: int
    """1 for the first definition, and one more with each that replaces it."""
    created_at: datetime
    """The time (UTC) at which it was first defined."""
    created_by: str | None = None
    """The actor that first defined it; None where none is known."""
    changed_at: datetime
    """The time (UTC) at which it was last defined."""
    changed_by: str | None = None
    """The actor that last defined it; None where none is known."""

    def parameters_json(self) -> dict[str, object]:
        """Return the parameters as a file has them: without what is not given."""
        return {name: each.model_dump(mode="json", exclude_none=True) for name, each in self.parameters.items()}


class TemplateSource(NamedTuple):
    """The template that a task is made from: its name, and its version."""

    name: str
    version: int

    def marked(self, task: ScheduledTask) -> ScheduledTask:
        """Return a new task with the template that it is made from."""
        return task.model_copy(update={"template": self.name, "template_version": self.version})
