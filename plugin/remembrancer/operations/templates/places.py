"""Places of parameters in the texts of a template, `{name}`, and the values put there.

Nothing is computed: a place becomes the value. A text that is one place becomes the value with its type. `{{name}}` is
the text `{name}`. Braces around anything but a name are text, such as JSON in a prompt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from remembrancer.model.task_template import ParameterValue

NAME: Final = r"[A-Za-z_][A-Za-z0-9_]{0,39}"
"""The pattern of the name of a parameter."""
MOST_FILLED: Final = 1_000_000
"""Characters that the values make in all, over all places of a template."""
_SHORT: Final = 20
"""Characters of a text in the example of values that fit."""
_PLACE: Final = re.compile(rf"\{{\{{({NAME})\}}\}}|\{{({NAME})\}}")


def names_in(value: object) -> dict[str, None]:
    """Return the names of the parameters that have a place in *value*, in order."""
    return {found[2]: None for text in texts_in(value) for found in _PLACE.finditer(text) if found[2]}


def texts_in(value: object) -> Iterator[str]:
    """Yield every text of a JSON value but for the names of its fields."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in cast("Mapping[str, object]", value).values():
            yield from texts_in(each)
    elif isinstance(value, list | tuple):
        for each in cast("list[object]", value):
            yield from texts_in(each)


def filled(value: object, values: Mapping[str, ParameterValue]) -> object:
    """Return a JSON value with the *values* in its places. Raises InvalidInput: they would make too long a text."""
    size = sum(len(str(values[found[2]])) for text in texts_in(value) for found in _PLACE.finditer(text) if found[2])
    if size > MOST_FILLED:
        short = {name: each[:_SHORT] if isinstance(each, str) else each for name, each in values.items()}
        raise InvalidInput("values", f"{size:,} characters", f"values of at most {MOST_FILLED:,} in all places", short)
    return _filled(value, values)


def _filled(value: object, values: Mapping[str, ParameterValue]) -> object:
    if isinstance(value, str):
        return _text(value, values)
    if isinstance(value, Mapping):
        return {name: _filled(each, values) for name, each in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_filled(each, values) for each in cast("list[object]", value)]
    return value


def _text(text: str, values: Mapping[str, ParameterValue]) -> object:
    whole = _PLACE.fullmatch(text)
    if whole is not None and whole[2]:
        return values[whole[2]]
    return _PLACE.sub(lambda found: f"{{{found[1]}}}" if found[1] else str(values[found[2]]), text)
