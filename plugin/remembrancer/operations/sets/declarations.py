"""The declared tasks of a set: checked all at once, each fault with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.plain_schedules import Once
from remembrancer.model.request import TASK_FIELDS
from remembrancer.model.schedule import value_of
from remembrancer.model.suggestions import nearest, unknown
from remembrancer.operations.declared_request import EXAMPLE, KNOWN, mapping_of, merged, refers, request_of
from remembrancer.operations.sets.set_keys import read_name
from remembrancer.operations.validation import validate
from remembrancer.schedules.composed.nested import with_inner
from remembrancer.schedules.relative.settled import settled
from remembrancer.schedules.relative.times import read_relative

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.request import ScheduleRequest

MOST: Final = 1000
"""The most tasks of a set."""
NOT_DECLARED: Final = frozenset({"dedup_key", "dedup_reuse"})
"""Fields of a request that a declaration has not: the name of the set and the key stand in its place."""
FIELDS: Final = tuple(name for name in TASK_FIELDS if name not in NOT_DECLARED)
TEMPLATE: Final = ("template", "with")
"""The fields of a declaration that name a template and its values."""
_SHARED: Final = tuple(name for name in KNOWN if name not in NOT_DECLARED)
_KNOWN: Final = (*_SHARED, *TEMPLATE)


def requests_of(
    name: str, tasks: object, defaults: object, now: datetime
) -> tuple[dict[str, ScheduleRequest], list[InvalidInput]]:
    """Return the requests of the declared tasks by their keys, and every fault of the others."""
    faults: list[InvalidInput] = []
    read_name(name, "name", "reports")
    shared = mapping_of(defaults, "defaults", {"timezone": "Europe/Berlin"})
    faults += [_unknown(f"defaults.{each}", each, shared[each]) for each in shared if each not in _SHARED]
    declared = mapping_of(tasks, "tasks", {"daily-report": EXAMPLE})
    if len(declared) > MOST:
        raise InvalidInput("tasks", len(declared), f"at most {MOST:,} tasks in a set", 100)
    found: dict[str, ScheduleRequest] = {}
    for key, fields_of_it in declared.items():
        try:
            read_name(key, "key", "daily-report")
            entry = mapping_of(fields_of_it, f"tasks.{key}", EXAMPLE)
            known = _KNOWN if "template" in entry else _SHARED
            if wrong := [_unknown(f"tasks.{key}.{each}", each, entry[each]) for each in entry if each not in known]:
                faults += wrong
                continue
            if "template" in entry:
                continue  # the graph has it
            request = request_of(merged(shared, entry), key, f"set_{name}")
            _refuse_relative(request, now)
            if not refers(request):
                validate(request, now, 0.0, {})
            found[key] = request
        except InvalidInput as wrong:
            faults.append(placed(wrong, key))
    return found, faults


def placed(fault: InvalidInput, key: str) -> InvalidInput:
    """Return a fault with its place in the set."""
    place = fault.field if fault.field.startswith("tasks.") else f"tasks.{key}.{fault.field}"
    return InvalidInput(place, fault.value, fault.allowed, fault.example)


def _refuse_relative(request: ScheduleRequest, now: datetime) -> None:
    """Refuse a time from now: it would be another one at each application."""
    until, example = request.defer_until, "2027-01-01T09:00:00Z"
    allowed = "a time that is the same whenever the set is applied; this one is counted from now"
    if isinstance(until, str) and _is_relative(until):
        raise InvalidInput("defer_until", until, allowed, example)
    if not isinstance(request.schedule, Mapping):
        return
    schedule = cast("Mapping[str, object]", request.schedule)
    try:
        value = value_of(schedule)
    except (ValueError, TypeError) as wrong:
        raise InvalidInput("schedule", schedule, f"a schedule: {wrong}", {"kind": "every", "every": "90m"}) from None
    once = [each.at for each in with_inner(value) if isinstance(each, Once)]
    if settled(value, now) != value or any(map(_is_relative, once)):
        raise InvalidInput("schedule", schedule, allowed, example)


def _is_relative(text: object) -> bool:
    """Return whether *text* names a time from now."""
    try:
        return isinstance(text, str) and read_relative(text) is not None
    except OverflowError:
        return True


def _unknown(place: str, field: str, value: object) -> InvalidInput:
    if field == "with":
        return InvalidInput(
            place, value, "values beside a template", {"template": "report", "with": {"topic": "sales"}}
        )
    near = nearest(field, _SHARED)
    if field in NOT_DECLARED:
        return InvalidInput(place, value, f"no {field}: the set and the key are the identity of the task", EXAMPLE)
    return InvalidInput(place, value, unknown(field, _SHARED), near or _SHARED[0])


def together(faults: Sequence[InvalidInput]) -> InvalidInput:
    """Return one refusal that names every fault."""
    first, *rest = faults
    if not rest:
        return first
    others = "; ".join(f"{each.field}: {each.allowed}" for each in rest)
    return InvalidInput(first.field, first.value, f"{first.allowed}. Wrong too: {others}", first.example)
