"""Values of parameters, read by their types."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import LONGEST_TEXT
from remembrancer.model.json_bounds import check_bounds
from remembrancer.model.suggestions import nearest
from remembrancer.model.task_template import ParameterType
from remembrancer.schedules.iso_timestamps import read_stamp
from remembrancer.schedules.parsing import read_zone
from remembrancer.schedules.relative.times import read_relative
from remembrancer.schedules.value_fields import is_date, read_length, read_time_of_day

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from remembrancer.model.task_template import ParameterValue, TemplateParameter

_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?")
_EXAMPLES: Final[dict[ParameterType, ParameterValue]] = {
    ParameterType.TEXT: "some text",
    ParameterType.NUMBER: 1,
    ParameterType.TIME: "09:00",
    ParameterType.DURATION: "90m",
    ParameterType.ZONE: "Europe/Berlin",
    ParameterType.CHOICE: "one of those allowed",
}
_WORDS: Final = {
    ParameterType.TEXT: f"a text of at most {LONGEST_TEXT:,} characters",
    ParameterType.NUMBER: "a number",
    ParameterType.TIME: "a time of day, a date, a date and time, or a time from now",
    ParameterType.DURATION: "a length of time in w, d, h, m and s",
    ParameterType.ZONE: "an IANA time zone",
    ParameterType.CHOICE: "a text or a number",
}


def example_of(parameter: TemplateParameter) -> ParameterValue:
    """Return a value of a parameter: its example, its default, the first that is allowed, or any of its type."""
    given = (parameter.example, parameter.default, *(parameter.allowed or ()))
    return next((each for each in given if each is not None), _EXAMPLES[parameter.type])


def words_of(parameter: TemplateParameter) -> str:
    """Return the values that a parameter may have, in words."""
    if parameter.allowed is None:
        return _WORDS[parameter.type]
    return f"one of {', '.join(str(each) for each in parameter.allowed)}"


def read_value(field: str, parameter: TemplateParameter, given: object) -> ParameterValue:
    """Return a value of a parameter. Raises InvalidInput: it is of another type, or not allowed."""
    check_bounds(given, field, example_of(parameter))
    try:
        value = _READERS[parameter.type](field, given)
    except (InvalidInput, OverflowError):
        value = None
    if value is not None and parameter.allowed is not None:
        value = next((each for each in parameter.allowed if each == value or str(each) == given), None)
    if value is None:
        raise InvalidInput(field, given, words_of(parameter), example_of(parameter))
    return value


def read_values(
    parameters: Mapping[str, TemplateParameter], given: Mapping[str, object], place: str
) -> dict[str, ParameterValue]:
    """Return the value of each parameter, its default where none is given.

    Args:
        parameters: Of a template.
        given: The values by the names of the parameters.
        place: The field that holds them, for a refusal.

    Raises:
        InvalidInput: One is missing, unknown, or of another type.
    """
    for name in given:
        if name not in parameters:
            meant = nearest(name, parameters)
            there = f"there are {', '.join(parameters)}" if parameters else "there are none"
            allowed = f"a parameter of the template{f': {meant} is meant' if meant else ''}; {there}"
            raise InvalidInput(f"{place}.{name}", given[name], allowed, meant or next(iter(parameters), None))
    return {name: _value(f"{place}.{name}", each, given.get(name)) for name, each in parameters.items()}


def _value(field: str, parameter: TemplateParameter, given: object) -> ParameterValue:
    if given is not None:
        return read_value(field, parameter, given)
    if parameter.default is None:
        allowed = f"{words_of(parameter)}: the parameter has no default"
        raise InvalidInput(field, None, allowed, example_of(parameter))
    return parameter.default


def _text(field: str, given: object) -> ParameterValue | None:
    del field
    return given if isinstance(given, str) and len(given) <= LONGEST_TEXT else None


def _number(field: str, given: object) -> ParameterValue | None:
    del field
    if isinstance(given, bool):
        return None
    if isinstance(given, int | float):
        return given if isfinite(given) else None
    found = _NUMBER.fullmatch(given) if isinstance(given, str) else None
    return None if found is None else float(found[0]) if found[1] else int(found[0])


def _time(field: str, given: object) -> ParameterValue | None:
    if not isinstance(given, str):
        return None
    if not is_date(given) and read_stamp(given.strip()) is None and read_relative(given) is None:
        read_time_of_day(given, field)
    return given


def _duration(field: str, given: object) -> ParameterValue | None:
    read_length(given, field, "90m")
    return cast("str", given)


def _zone(field: str, given: object) -> ParameterValue | None:
    return read_zone(cast("str", given), field)


def _any(field: str, given: object) -> ParameterValue | None:
    return _text(field, given) if isinstance(given, str) else _number(field, given)


_READERS: Final[dict[ParameterType, Callable[[str, object], ParameterValue | None]]] = {
    ParameterType.TEXT: _text,
    ParameterType.NUMBER: _number,
    ParameterType.TIME: _time,
    ParameterType.DURATION: _duration,
    ParameterType.ZONE: _zone,
    ParameterType.CHOICE: _any,
}
