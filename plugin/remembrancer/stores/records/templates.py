"""Templates of tasks, as nodes of the graph."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from remembrancer.model.json_bounds import read_stored
from remembrancer.model.task_template import TaskTemplate
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.stores.records.named_nodes import NamedKind

if TYPE_CHECKING:
    from remembrancer.stores.commits.statement import Row

_JSON: Final = ("parameters", "task")


def template_from(node: Row) -> TaskTemplate:
    """Read a template from its node. Raises ValueError."""
    held = {name: read_stored(node[name]) for name in _JSON}
    return TaskTemplate.model_validate({**node, **held, "changed_at": from_ms(node["changed_ms"])})


def _properties(template: TaskTemplate) -> Row:
    """Return the properties of a template's node, but for the time when it was first defined."""
    kept = template.model_dump(mode="json", exclude={"created_at", "changed_at"})
    kept["parameters"] = template.parameters_json()
    return {**kept, **{name: _text(kept[name]) for name in _JSON}, "changed_ms": to_ms(template.changed_at)}


def _audited(template: TaskTemplate) -> str:
    """Return the summary of a template for the audit log, as JSON."""
    shown = {"name": template.name, "version": template.version, "parameters": template.parameters_json()}
    return _text({**shown, "task": template.task})


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


TEMPLATES: Final[NamedKind[TaskTemplate]] = NamedKind(
    row="template",
    create="create_templates",
    replace="replace_templates",
    delete="delete_templates",
    all="templates",
    by_name="templates_by_name",
    properties=_properties,
    audited=_audited,
    read=template_from,
)
"""Templates as nodes. The contract and its laws: `remembrancer.ports.templates.TemplateStore`."""
