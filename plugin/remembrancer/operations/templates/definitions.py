"""The definition of a template: its parameters and the fields of its task, checked and tried."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import LONGEST_TEXT, read_object, read_text, read_word
from remembrancer.model.json_bounds import check_bounds
from remembrancer.model.suggestions import nearest, unknown
from remembrancer.model.task_template import ParameterType, TemplateParameter
from remembrancer.operations.declared_request import KNOWN, mapping_of
from remembrancer.operations.templates.places import NAME, names_in
from remembrancer.operations.templates.typed_values import example_of, read_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from remembrancer.model.task_template import ParameterValue

MOST_PARAMETERS: Final = 50
MOST_ALLOWED: Final = 100
EXAMPLE: Final = {"trigger_prompt": "Write the report on {topic}", "cron": "0 9 * * 1-5"}
PARAMETERS_EXAMPLE: Final = {"topic": {"type": "text", "default": "sales"}}
_TYPES: Final = " | ".join(ParameterType)
_FIELDS: Final = tuple(TemplateParameter.model_fields)
_NAME: Final = re.compile(NAME)


@dataclass(frozen=True, slots=True)
class TemplateSpec:
    """The content of a template as it is defined: checked, not yet tried."""

    description: str | None
    parameters: dict[str, TemplateParameter]
    task: dict[str, object]

    @property
    def examples(self) -> dict[str, ParameterValue]:
        """The values to try it with: the default of each parameter, else its example."""
        return {
            name: example_of(each) if each.default is None else each.default for name, each in self.parameters.items()
        }

    @property
    def unproved(self) -> list[str]:
        """The parameters without a value of their own to try the template with."""
        own = ("default", "example", "allowed")
        return [name for name, each in self.parameters.items() if all(getattr(each, word) is None for word in own)]


def read_spec(task: object, parameters: object, description: object) -> TemplateSpec:
    """Check a definition. Raises InvalidInput."""
    told = _description("description", description)
    known = _parameters({} if parameters is None else parameters)
    fields = cast("dict[str, object]", read_object("task", dict(mapping_of(task, "task", EXAMPLE)), EXAMPLE))
    for name in fields:
        if name not in KNOWN:
            raise InvalidInput(f"task.{name}", fields[name], unknown(name, KNOWN), nearest(name, KNOWN) or KNOWN[0])
    placed = names_in(fields)
    for name in placed:
        if name not in known:
            raise InvalidInput("parameters", list(known), _no_parameter(name, known), {name: {"type": "text"}})
    for name in known:
        if name not in placed:
            allowed = f"a place for each parameter; {name} has none: write {{{name}}} in a text"
            raise InvalidInput("task", fields, allowed, {"trigger_prompt": f"Write the report on {{{name}}}"})
    return TemplateSpec(told, known, fields)


def _no_parameter(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    meant = f" ({{{near}}} is meant?)" if near else ""
    return f"a parameter for each place in the task; {{{name}}} has none{meant}; as a text it is written {{{{{name}}}}}"


def _parameters(given: object) -> dict[str, TemplateParameter]:
    check_bounds(given, "parameters", PARAMETERS_EXAMPLE)
    listed = mapping_of(given, "parameters", PARAMETERS_EXAMPLE)
    if len(listed) > MOST_PARAMETERS:
        raise InvalidInput("parameters", len(listed), f"at most {MOST_PARAMETERS} parameters", PARAMETERS_EXAMPLE)
    for name in listed:
        if _NAME.fullmatch(name) is None:
            allowed = "names of 1 to 40 letters, digits and underscores, no digit first"
            raise InvalidInput("parameters", name, allowed, "topic")
    return {name: _parameter(f"parameters.{name}", each) for name, each in listed.items()}


def _parameter(field: str, given: object) -> TemplateParameter:
    """Return one parameter; a type alone is short for `{type: …}`. Raises InvalidInput."""
    fields: Mapping[str, object] = (
        {"type": given} if isinstance(given, str) else mapping_of(given, field, {"type": "text"})
    )
    for name in fields:
        if name not in _FIELDS:
            near = nearest(name, _FIELDS) or "default"
            raise InvalidInput(f"{field}.{name}", fields[name], unknown(name, _FIELDS), near)
    kind = read_word(f"{field}.type", fields.get("type"), ParameterType, "text")
    told = fields.get("description")
    plain = TemplateParameter(
        type=kind,
        description=None if told is None else read_text(f"{field}.description", told, LONGEST_TEXT, "Its topic"),
    )
    parameter = plain.model_copy(update={"allowed": _allowed(f"{field}.allowed", plain, fields.get("allowed"))})
    own = {
        name: read_value(f"{field}.{name}", parameter, fields[name])
        for name in ("default", "example")
        if fields.get(name) is not None
    }
    return parameter.model_copy(update=own)


def _description(field: str, given: object) -> str | None:
    return None if given is None else read_text(field, given, LONGEST_TEXT, "Reports on a topic")


def _allowed(field: str, parameter: TemplateParameter, given: object) -> list[ParameterValue] | None:
    if given is None and parameter.type is not ParameterType.CHOICE:
        return None
    listed = list(cast("list[object]", given)) if isinstance(given, list | tuple) else []
    if not 0 < len(listed) <= MOST_ALLOWED:
        raise InvalidInput(field, listed or None, f"a list of 1 to {MOST_ALLOWED} values", ["sales", "stock"])
    return [read_value(field, parameter, each) for each in listed]
