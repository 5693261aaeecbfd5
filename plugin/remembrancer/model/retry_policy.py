"""Retry policies: when another attempt follows a failed one, and after which failures none does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, cast

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from remembrancer.errors import InvalidInput
from remembrancer.model.field_definition import FieldDefinition
from remembrancer.model.json_bounds import read_json
from remembrancer.model.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_WAIT: Final = 366 * 86_400.0
"""Seconds between two attempts, at most."""
_LONGEST_NAME: Final = 200
_MOST_NAMES: Final = 50
_LARGEST_FACTOR: Final = 100.0


class Backoff(StrEnum):
    """The growth of the wait from one attempt to the next."""

    FIXED = "fixed"
    """Each wait is `delay`."""
    LINEAR = "linear"
    """The wait after attempt n is n times `delay`."""
    EXPONENTIAL = "exponential"
    """The wait after attempt n is `delay` times `factor` to the power of n - 1."""


class Jitter(StrEnum):
    """The part of a wait that is left to chance, so that what failed together is not tried again together."""

    FULL = "full"
    """All of it: from nothing to the whole wait."""
    NONE = "none"
    """None of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """The waits between the attempts at an occurrence, and the failures after which none follows.

    `max_attempts` of the task limits their number.

    Args:
        backoff: The growth of the waits.
        delay: Seconds of the first wait; or a length such as `30s`, or a timedelta.
        factor: The factor of exponential waits, 1 to 100.
        cap: Seconds of the longest wait.
        jitter: The part of a wait that is left to chance.
        within: Seconds from the start of the first attempt after which no other begins; None for no such limit.
        retry_on: Names of exception classes (those of base classes count too) and reason codes; if there are some, no
            attempt follows any other failure.
        give_up_on: Names of exception classes and reason codes after which no attempt follows.
    """

    backoff: Backoff | str = Backoff.EXPONENTIAL
    delay: float | str | timedelta = 10.0
    factor: float = 2.0
    cap: float | str | timedelta = 3600.0
    jitter: Jitter | str = Jitter.FULL
    within: float | str | timedelta | None = None
    retry_on: Sequence[str] = field(default=())
    give_up_on: Sequence[str] = field(default=())

    def wait_seconds(self, attempt: int, chance: float) -> float:
        """Return the seconds to wait after this attempt; *chance*, 0 to 1, stands for the jitter.

        The values are in their normal form.
        """
        delay, cap = cast("float", self.delay), cast("float", self.cap)
        growth = {Backoff.FIXED: 1, Backoff.LINEAR: attempt, Backoff.EXPONENTIAL: self.factor ** (attempt - 1)}
        wait = min(delay * growth[Backoff(self.backoff)], cap)
        return wait * chance if self.jitter == Jitter.FULL else wait


def policy_of(kept: Mapping[str, object] | None) -> RetryPolicy:
    """Return the policy that a task keeps; the usual one without any."""
    return RetryPolicy(**(kept or {}))  # pyright: ignore[reportArgumentType] (in their normal form)


def read_retry(name: str, value: object, example: object) -> dict[str, object]:
    """Return a retry policy in its normal form: a JSON object without what is usual. Raises InvalidInput."""
    given = _object_of(name, value, example)
    kept: dict[str, object] = {}
    for each, raw in given.items():
        if each not in _READERS:
            meant = nearest(each, _READERS)
            also = f"; {meant} is meant" if meant else ""
            raise InvalidInput(f"{name}.{each}", raw, f"one of {', '.join(_READERS)}{also}", example)
        kept[each] = _READERS[each](f"{name}.{each}", raw)
    backoff = kept.pop("backoff", str(Backoff.EXPONENTIAL))
    usual = {each.name: each.default for each in fields(RetryPolicy)}
    return {"backoff": backoff, **{each: kept[each] for each in usual if kept.get(each) not in (None, [], usual[each])}}


def _object_of(name: str, value: object, example: object) -> Mapping[str, object]:
    """Return the fields that a policy, an object, or a text such as `exponential 10s..1h` gives."""
    if isinstance(value, RetryPolicy):
        return {each.name: held for each in fields(value) if (held := getattr(value, each.name)) is not None}
    if isinstance(value, Mapping):
        given = cast("Mapping[object, object]", value)
        if all(isinstance(each, str) for each in given):
            return cast("Mapping[str, object]", given)
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            held = read_json(value, is_finite=True)
        except ValueError:
            held = None
        if isinstance(held, dict):
            return cast("dict[str, object]", held)
    elif isinstance(value, str) and (found := _SHORT.fullmatch(value.strip().lower())):
        return {each: text for each, text in found.groupdict().items() if text}
    raise InvalidInput(name, cast("object", value), _ALLOWED, example)


def _word(words: type[StrEnum], name: str, value: object) -> str:
    if isinstance(value, str) and value in words.__members__.values():
        return str(value)
    raise InvalidInput(name, value, " | ".join(words), next(iter(words)).value)


def read_wait(name: str, value: object) -> float:
    """Return seconds: of a number, a timedelta, or a length such as `90s` or `1h30m`. Raises InvalidInput."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    elif isinstance(value, str) and (found := _LENGTH.fullmatch(value.strip().lower())) and any(found.groups()):
        value = float(sum(int(found[unit] or 0) * size for unit, size in _UNITS.items()))
    # Compared before it becomes a float: a whole number may be too large for one.
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST_WAIT:
        return float(value)
    allowed = f"0 to {LONGEST_WAIT:,.0f} seconds, or a length of time in w, d, h, m and s"
    raise InvalidInput(name, value, allowed, "30s")


def _span(name: str, value: object) -> float | None:
    return None if value is None else read_wait(name, value)


def _factor(name: str, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= _LARGEST_FACTOR:
        return float(value)
    raise InvalidInput(name, value, f"a number from 1 to {_LARGEST_FACTOR:g}", 2)


def _names(name: str, value: object) -> list[str]:
    given = [value] if isinstance(value, str) else value
    if isinstance(given, list | tuple) and len(listed := cast("Sequence[object]", given)) <= _MOST_NAMES:
        names = [each for each in listed if isinstance(each, str) and _NAME.fullmatch(each)]
        if len(names) == len(listed):
            return names
    allowed = f"a list of up to {_MOST_NAMES} names of exception classes, and reason codes"
    raise InvalidInput(name, value, allowed, ["ConnectionError", "timed_out"])


def _as_given(value: object) -> object:
    """Accept what can be read as a policy later, by the field's check."""
    if value is None or isinstance(value, str | Mapping | RetryPolicy):
        return cast("object", value)
    raise ValueError("a retry policy is a JSON object such as {'backoff': 'exponential', 'delay': 30}")


def _decoded(held: object) -> object:
    """Return the policy that the graph keeps as text. Raises ValueError."""
    if not isinstance(held, str):
        return held
    try:
        return read_retry("retry", held, None)
    except InvalidInput as refused:
        raise ValueError(f"its retry policy cannot be read: {refused}") from refused


_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_LENGTH: Final = re.compile("".join(rf"(?:(?P<{unit}>\d{{1,9}}){unit})?" for unit in _UNITS))
_SHORT: Final = re.compile(
    r"(?P<backoff>fixed|linear|exponential)(?:\s+(?P<delay>[\dwdhms]+)(?:\.\.(?P<cap>[\dwdhms]+))?)?"
)
_NAME: Final = re.compile(rf"[^\W\d][\w.]{{0,{_LONGEST_NAME - 1}}}")
_ALLOWED: Final = (
    "a backoff (fixed, linear or exponential), with its first and its longest wait where those are to be other than "
    "10s and 1h, such as `exponential 30s..2h`; or a JSON object with "
    + ", ".join(each.name for each in fields(RetryPolicy))
)
_READERS: Final[dict[str, Callable[[str, object], object]]] = {
    "backoff": partial(_word, Backoff),
    "delay": read_wait,
    "factor": _factor,
    "cap": read_wait,
    "jitter": partial(_word, Jitter),
    "within": _span,
    "retry_on": _names,
    "give_up_on": _names,
}

KeptRetry = Annotated[dict[str, object] | None, BeforeValidator(_decoded)]
"""The retry policy of a task; JSON text in the graph."""
RetryArgument = Annotated[
    RetryPolicy | dict[str, object] | str | None,
    PlainValidator(_as_given),
    WithJsonSchema({"anyOf": [{"type": "object", "additionalProperties": True}, {"type": "string"}, {"type": "null"}]}),
]
"""A retry policy as a request gives it."""


@dataclass(frozen=True, kw_only=True)
class RetryRule(FieldDefinition):
    """A retry policy: a word, a word and its waits, or a JSON object."""

    metavar: ClassVar[str | None] = "POLICY"

    @property
    def check(self) -> Callable[[str, object], object] | None:
        """Read a policy into its normal form."""
        return partial(read_retry, example=self.example)

    @property
    def kind(self) -> str:
        """The type in words."""
        return "JSON, or text such as `exponential 10s..1h`"

    def shown(self, value: object) -> str:
        """Return the policy as JSON."""
        return json.dumps(value, ensure_ascii=False)
