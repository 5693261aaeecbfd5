"""Schedules as values: one frozen class for each kind, distinguished by `kind`.

A value says when a task is to fire and computes nothing. The table `schedules.kinds.KINDS` turns it into a
`schedules.protocol.Schedule`, which does. The specification's fields spell two kinds: `schedule_cron`, with the zone
and its choices, is a `Cron`; `defer_until` alone is an `Once`. A value of any other kind is kept as JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from functools import lru_cache
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import PlainValidator, WithJsonSchema

from remembrancer.model.policy import Fold, Gap, SecondsField


@dataclass(frozen=True, slots=True)
class Once:
    """One occurrence, at a given time.

    Args:
        at: The time; ISO-8601 text in a request.
        timezone: The IANA zone that a time without an offset is in.
        fold: The pass that is meant of a wall time that occurs twice.
    """

    recurring: ClassVar[bool] = False

    at: datetime | str
    timezone: str = "UTC"
    fold: Fold = Fold.FIRST
    kind: Literal["once"] = field(default="once", repr=False)

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        return "once"


@dataclass(frozen=True, slots=True)
class Cron:
    """The occurrences of a cron expression in a time zone.

    Args:
        expression: Five fields, six with `seconds_field`, or an alias such as `@daily`.
        timezone: The IANA zone whose wall clock the expression means.
        gap: The treatment of a wall time that the zone's clock jumps over.
        fold: The treatment of a wall time that occurs twice.
        seconds_field: The place of the seconds among six fields.
    """

    recurring: ClassVar[bool] = True

    expression: str
    timezone: str = "UTC"
    gap: Gap = Gap.RUN_AFTER
    fold: Fold = Fold.FIRST
    seconds_field: SecondsField | None = None
    kind: Literal["cron"] = field(default="cron", repr=False)

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        return self.expression if self.timezone == "UTC" else f"{self.expression} ({self.timezone})"


ScheduleValue: TypeAlias = Once | Cron
"""The union of all kinds."""
VALUES: Final[dict[str, type[ScheduleValue]]] = {"once": Once, "cron": Cron}
"""The class of each kind."""


def value_of(given: Mapping[str, object]) -> ScheduleValue:
    """Return the value with the fields *given*, `kind` among them; raises ValueError if they make none."""
    kind = given.get("kind")
    found = VALUES.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise ValueError(f"kind must be one of {', '.join(VALUES)}")
    places = {each.name: each for each in fields(found)}
    needed = [name for name, each in places.items() if each.default is MISSING]
    if not set(needed) <= given.keys() <= places.keys():
        raise ValueError(f"a schedule of kind {kind} takes {', '.join(places)}; needed: {', '.join(needed)}")
    return found(**given)  # pyright: ignore[reportArgumentType]  checked when the schedule is computed


@lru_cache(maxsize=4096)
def value_from(text: str) -> ScheduleValue:
    """Return the value that *text*, written by `text_of`, holds; raises ValueError if it holds none."""
    held = json.loads(text)
    if not isinstance(held, dict):
        raise ValueError("a schedule is a JSON object")  # noqa: TRY004 (pydantic reports a ValueError)
    return value_of(held)  # pyright: ignore[reportUnknownArgumentType]  (JSON)


def text_of(value: ScheduleValue) -> str:
    """Return a value as JSON text, alike for equal values."""
    return json.dumps(asdict(value), sort_keys=True, separators=(",", ":"))


@lru_cache(maxsize=4096)
def cron_value(expression: str, timezone: str, gap: Gap, fold: Fold, seconds_field: SecondsField | None) -> Cron:
    """Return the value of a cron schedule: one object for all tasks that share it."""
    return Cron(expression, timezone, gap, fold, seconds_field)


def _readable(text: str | None) -> str | None:
    """Refuse text that holds no schedule: such a task cannot be read."""
    if text is not None:
        value_from(text)
    return text


def _value_or_fields(given: object) -> object:
    """Accept a value, or a JSON object whose fields are checked when the task is scheduled."""
    if given is None or isinstance(given, Mapping) or type(given) in VALUES.values():
        return given  # pyright: ignore[reportUnknownVariableType]  (JSON)
    raise ValueError("a schedule is a JSON object with its kind, such as {'kind': 'cron', 'expression': '0 9 * * 1-5'}")


ScheduleText = Annotated[str | None, PlainValidator(_readable), WithJsonSchema({"type": ["string", "null"]})]
"""A schedule as the graph keeps it."""
ScheduleArgument = Annotated[
    ScheduleValue | dict[str, object] | None,
    PlainValidator(_value_or_fields),
    WithJsonSchema({"anyOf": [{"type": "object", "additionalProperties": True}, {"type": "null"}]}),
]
"""A schedule as a request gives it."""
