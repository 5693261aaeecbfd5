"""The trial of a template when it is defined: the task that its defaults and examples make is checked, not written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from remembrancer.errors import InvalidInput
from remembrancer.operations.declared_request import refers, request_of
from remembrancer.operations.references.resolution import resolved_schedule
from remembrancer.operations.requested_schedule import value_given
from remembrancer.operations.reserved_keys import refuse_reserved
from remembrancer.operations.templates.places import filled, texts_in
from remembrancer.operations.validation import validate
from remembrancer.schedules.references import references_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from remembrancer.model.request import ScheduleRequest
    from remembrancer.operations.templates.definitions import TemplateSpec
    from remembrancer.ports.graph import Graph


async def tried(store: Graph, name: str, spec: TemplateSpec, now: datetime) -> None:
    """Check the task that a template makes of its defaults and examples. Raises InvalidInput."""
    try:
        fields = cast("Mapping[str, object]", filled(spec.task, spec.examples))
        request = request_of(fields, name, f"template_{name}")
        refuse_reserved(request.dedup_key)
        if refers(request):
            if not _names_its_own(request, spec):
                return  # the calendar or the task comes with the values
            schedule = await resolved_schedule(store, request.schedule)
            request = replace(request, schedule=schedule)  # pyright: ignore[reportArgumentType]
        validate(request, now, 0.0, {})
    except InvalidInput as fault:
        raise _told(fault, spec) from fault


def _names_its_own(request: ScheduleRequest, spec: TemplateSpec) -> bool:
    """Return whether the calendars and tasks of a schedule are named by the template itself, not by values."""
    found = references_in(value_given(request.schedule))
    return {*found.calendars, *found.tasks} <= set(texts_in(spec.task))


def _told(fault: InvalidInput, spec: TemplateSpec) -> InvalidInput:
    """Return a fault of the trial with its place, and the values that it was tried with."""
    allowed = fault.allowed
    if values := spec.examples:
        told = ", ".join(f"{name}={value!r}" for name, value in values.items())
        allowed = f"{allowed}; tried with {told[:500]}"
    if unproved := spec.unproved:
        allowed = f"{allowed}; give {', '.join(unproved)} an `example` that works"
    return InvalidInput(f"task.{fault.field}", fault.value, allowed, fault.example)
