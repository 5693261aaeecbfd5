"""Schedules as values: the kinds made of others, and the union of all kinds.

A value says when a task is to fire and computes nothing. The table `schedules.kinds.KINDS` turns it into a
`schedules.protocol.Schedule`, which does. The specification's fields spell two kinds: `schedule_cron`, with the zone
and its choices, is a `Cron`; `defer_until` alone is an `Once`. A value of any other kind is kept as JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, TypeAlias, cast, get_args

from pydantic import PlainValidator, WithJsonSchema

from remembrancer.model.plain_schedules import Calendar, Cron, Dates, Every, Once, RRule, Weekly, Workdays
from remembrancer.model.reacting_schedules import After, Cue, Paced
from remembrancer.model.schedule_fields import as_text, as_tuples, joined, take_holidays

if TYPE_CHECKING:
    from remembrancer.model.policy import Fold, Gap, SecondsField


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The occurrences of any of several schedules; those at the same time are one.

    Args:
        schedules: Values of other kinds, at most 32.
    """

    recurring: ClassVar[bool] = True
    nested: ClassVar[tuple[str, ...]] = ("schedules",)

    schedules: tuple[ScheduleValue, ...]
    kind: Literal["any_of"] = field(default="any_of", repr=False)

    def __post_init__(self) -> None:
        """Take a list."""
        as_tuples(self)

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        return joined(" or ", self.schedules)


@dataclass(frozen=True, slots=True)
class AllOf:
    """The times that all of several schedules have in common: occurrences, within windows and calendars.

    Args:
        schedules: Values of other kinds, at most 32.
    """

    recurring: ClassVar[bool] = True
    nested: ClassVar[tuple[str, ...]] = ("schedules",)

    schedules: tuple[ScheduleValue, ...]
    kind: Literal["all_of"] = field(default="all_of", repr=False)

    def __post_init__(self) -> None:
        """Take a list."""
        as_tuples(self)

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        return joined(" and ", self.schedules)


@dataclass(frozen=True, slots=True)
class Except:
    """The occurrences of a schedule that none of the excluded schedules has, or holds within its windows and days.

    Args:
        schedule: A value of another kind.
        excluded: A value, or several, at most 32.
    """

    recurring: ClassVar[bool] = True
    nested: ClassVar[tuple[str, ...]] = ("schedule", "excluded")

    schedule: ScheduleValue
    excluded: tuple[ScheduleValue, ...]
    kind: Literal["except"] = field(default="except", repr=False)

    def __post_init__(self) -> None:
        """Take a list, or a single value."""
        if type(self.excluded) in VALUES.values():
            object.__setattr__(self, "excluded", (self.excluded,))
        as_tuples(self)

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        return f"{self.schedule} except {joined(' or ', self.excluded)}"


@dataclass(frozen=True, slots=True)
class Offset:
    """The occurrences of a schedule, each moved: 15 minutes before, the working day before, two days after.

    Args:
        schedule: A value of another kind.
        by: Elapsed time: `-15m`, `2h`.
        days: Calendar days, at the same time of day: -1 is the day before.
        workdays: Business days, at the same time of day.
        roll: `before` or `after`: an occurrence on no business day moves to the nearest one there.
        weekdays: The days of the week on which business is done.
        holidays: ISO-8601 dates on which it is not, and names of calendars.
        calendars: The calendars that are named, as they were; the scheduler writes them.
    """

    recurring: ClassVar[bool] = True
    nested: ClassVar[tuple[str, ...]] = ("schedule", "calendars")

    schedule: ScheduleValue
    by: str | None = None
    days: int = 0
    workdays: int = 0
    roll: str | None = None
    weekdays: str = "mon-fri"
    holidays: tuple[str, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    kind: Literal["offset"] = field(default="offset", repr=False)

    def __post_init__(self) -> None:
        """Take lengths of time and holidays as text."""
        as_text(self, "by")
        take_holidays(self)

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        moved = (self.by, self.days and f"{self.days:+}d", self.workdays and f"{self.workdays:+} workdays")
        roll = f"to the workday {self.roll}" if self.roll else None
        return f"{self.schedule}, {', '.join(str(each) for each in (*moved, roll) if each)}"


@dataclass(frozen=True, slots=True)
class TaskTimes:
    """The times of another task's schedule: an `Offset` of them follows that task when it moves.

    Args:
        task_id: The id of the other task. In a request its dedup_key or name, if the same call makes it.
        schedule: Its schedule as it was; the scheduler writes it, and the fields after it.
        start: The time before which the other task does not begin.
        end: The time at which the other task ended.
    """

    recurring: ClassVar[bool] = True
    nested: ClassVar[tuple[str, ...]] = ("schedule",)

    task_id: str
    schedule: ScheduleValue | None = None
    start: str | None = None
    end: str | None = None
    kind: Literal["task_times"] = field(default="task_times", repr=False)

    def __post_init__(self) -> None:
        """Take times as text."""
        as_text(self, "start", "end")

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        return f"when {self.task_id} is due"


@dataclass(frozen=True, slots=True)
class Bounded:
    """The occurrences of a schedule from a time on, until a time, so many of them, or spread.

    Args:
        schedule: A value of another kind.
        start: The first time that it may fire; in the zone of the schedule if it names no offset.
        end: The last time that it may fire.
        count: How many times it fires, counted from *start*.
        jitter: Each occurrence is later by up to this much, by an amount of its own.
        spread: All occurrences are later by up to this much, by an amount of the task's own.
    """

    recurring: ClassVar[bool] = True
    nested: ClassVar[tuple[str, ...]] = ("schedule",)

    schedule: ScheduleValue
    start: str | None = None
    end: str | None = None
    count: int | None = None
    jitter: str | None = None
    spread: str | None = None
    kind: Literal["bounded"] = field(default="bounded", repr=False)

    def __post_init__(self) -> None:
        """Take times and lengths of time as text."""
        as_text(self, "start", "end", "jitter", "spread")

    def __str__(self) -> str:
        """Return the schedule as lists show it."""
        places = ("start", "end", "count", "jitter", "spread")
        told = [f"{name} {getattr(self, name)}" for name in places if getattr(self, name) is not None]
        return f"{self.schedule}, {', '.join(told)}"


ScheduleValue: TypeAlias = (
    Once
    | Cron
    | Every
    | RRule
    | Dates
    | Weekly
    | Workdays
    | Calendar
    | AnyOf
    | AllOf
    | Except
    | Offset
    | Bounded
    | TaskTimes
    | After
    | Cue
    | Paced
)
"""The union of all kinds."""
VALUES: Final[dict[str, type[ScheduleValue]]] = {
    next(str(place.default) for place in fields(each) if place.name == "kind"): each for each in get_args(ScheduleValue)
}
"""The class of each kind."""


def value_of(given: Mapping[str, object]) -> ScheduleValue:
    """Return the value with the fields *given*, `kind` among them; raises ValueError if they make none.

    Schedules inside others are read too, at most 100 of them, four deep.
    """
    return _value_of(given, 0, count(1))


def _value_of(given: Mapping[str, object], depth: int, seen: Iterator[int]) -> ScheduleValue:
    kind = given.get("kind")
    found = VALUES.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise ValueError(f"kind must be one of {', '.join(VALUES)}")
    if depth > DEEPEST or next(seen) > MOST_NESTED:
        raise ValueError(f"schedules are at most {DEEPEST} deep inside each other, and {MOST_NESTED} together")
    places = {each.name: each for each in fields(found)}
    needed = [name for name, each in places.items() if each.default is MISSING]
    if not set(needed) <= given.keys() <= places.keys():
        wrong = "".join(f", not {name[:40]}" for name in [each for each in given if each not in places][:1])
        raise ValueError(f"a schedule of kind {kind} takes {', '.join(places)}{wrong}; needed: {', '.join(needed)}")
    read = dict(given)
    for name in getattr(found, "nested", ()):
        if name in read:
            read[name] = _nested(read[name], depth + 1, seen)
    return found(**read)  # pyright: ignore[reportArgumentType]  checked when the schedule is computed


def _nested(given: object, depth: int, seen: Iterator[int]) -> object:
    """Return a schedule inside another, or several."""
    if isinstance(given, list | tuple) and depth <= DEEPEST:
        return tuple(_nested(each, depth + isinstance(each, list), seen) for each in cast("Sequence[object]", given))
    if isinstance(given, Mapping):
        return _value_of(cast("Mapping[str, object]", given), depth, seen)
    return cast("object", given)


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


DEEPEST, MOST_NESTED = 4, 100
