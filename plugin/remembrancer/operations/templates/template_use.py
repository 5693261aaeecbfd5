"""The task that a template makes of values, and templates in a declared set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.suggestions import nearest
from remembrancer.model.task_template import TemplateSource
from remembrancer.operations.declared_request import EXAMPLE, mapping_of, merged
from remembrancer.operations.templates.places import filled
from remembrancer.operations.templates.typed_values import example_of, read_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.model.task_template import TaskTemplate
    from remembrancer.ports.graph import Graph

_USE: Final = ("template", "with")


class Expanded(NamedTuple):
    """The declared tasks with the fields of their templates, the templates by the keys, and the faults by the keys."""

    tasks: Mapping[str, object]
    sources: Mapping[str, TemplateSource]
    faults: Mapping[str, InvalidInput]


async def template_named(store: Graph, name: object, field: str) -> TaskTemplate:
    """Return a template. Raises InvalidInput: there is none of this name."""
    if isinstance(name, str) and (found := (await store.templates.named([name])).get(name)):
        return found
    known = [each.name for each in await store.templates.all()]
    there = f"; there are {', '.join(known[:20])}" if known else "; there are none"
    near = nearest(name, known) if isinstance(name, str) else None
    raise InvalidInput(field, name, f"the name of a template{there}", near or next(iter(known), "report"))


def fields_from(template: TaskTemplate, given: object, place: str = "values") -> dict[str, object]:
    """Return the fields of the task that a template makes of values, which *place* holds. Raises InvalidInput."""
    example = {name: example_of(each) for name, each in template.parameters.items()}
    values = read_values(template.parameters, mapping_of({} if given is None else given, place, example), place)
    return cast("dict[str, object]", filled(template.task, values))


async def expanded(store: Graph, tasks: object) -> Expanded:
    """Return declared tasks with the fields of the templates that they name. A set without any is not read.

    The key of a task in its set takes the place of a `dedup_key` of its template.
    """
    declared = mapping_of(tasks, "tasks", {"daily-report": EXAMPLE})
    using = {key: entry for key, each in declared.items() if (entry := _entry(each)) and "template" in entry}
    if not using:
        return Expanded(declared, {}, {})
    found = dict(declared)
    sources: dict[str, TemplateSource] = {}
    faults: dict[str, InvalidInput] = {}
    for key, entry in using.items():
        try:
            template = await template_named(store, entry["template"], "template")
            fields = fields_from(template, entry.get("with"), "with")
        except InvalidInput as fault:
            faults[key] = fault
            continue
        fields.pop("dedup_key", None)
        found[key] = merged(fields, {name: each for name, each in entry.items() if name not in _USE})
        sources[key] = TemplateSource(template.name, template.version)
    return Expanded(found, sources, faults)


def _entry(given: object) -> Mapping[str, object] | None:
    return cast("Mapping[str, object]", given) if isinstance(given, dict) else None
