"""The parts of the API's document that no operation has: limits of a request, and answers of HTTP's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, cast

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, create_model

from remembrancer.model.task import ScheduledTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Id = Annotated[str, Path(max_length=256)]
Limit = Annotated[int, Query(ge=1, le=1000)]
PAGE: Final = 100
"""The length of a list that a request does not limit."""
LONGEST_LIST: Final = 1000
"""Elements of a list in a body at most."""


def model(
    name: str, doc: str | None, fields: Mapping[str, tuple[object, object]], config: ConfigDict | None = None
) -> type[BaseModel]:
    """Return a model with these fields, each a type and a default, `...` for none."""
    make = cast("Callable[..., type[BaseModel]]", create_model)
    return make(name, __config__=config, __doc__=doc, **fields)


class ListedTask(ScheduledTask):
    """A task of a list: it has the fields of a task but its deferral history, which no list reads."""

    deferral_history: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]], exclude=True)


def listed(item: object) -> object:
    """Return an element of a list as the list shows it."""
    return ListedTask.model_construct(**dict(item)) if isinstance(item, ScheduledTask) else item


def listed_type(kind: type[object]) -> type[object]:
    """Return the type of `listed` of an element of this *kind*."""
    return ListedTask if issubclass(kind, ScheduledTask) else kind


class CancelResult(BaseModel):
    """The result of a cancellation; `cancelled` is false if the task had ended before."""

    task_id: str
    cancelled: bool
    stopping: list[str] = []
    """Its running executions whose handlers were asked to stop."""


class HealthResult(BaseModel):
    """The health of the scheduler: it works and its last tick is recent."""

    healthy: bool
