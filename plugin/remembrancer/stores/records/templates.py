"""Templates of tasks, as nodes of the graph."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from remembrancer.model.json_bounds import read_stored
from remembrancer.model.task_template import TaskTemplate
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.stores.commits.statement import Statement, UniqueKeyTaken
from remembrancer.stores.rows.audit_rows import change_row
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.ports.writes import Change
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.rows.readable_records import ReadableRecords

_JSON: Final = ("parameters", "task")


class GraphTemplateStore:
    """The contract and its laws: `remembrancer.ports.templates.TemplateStore`.

    Args:
        connection: An open graph.
        records: Reads its nodes.
    """

    def __init__(self, connection: GraphConnection, records: ReadableRecords) -> None:
        self._connection = connection
        self._records = records

    async def add(self, template: TaskTemplate, change: Change) -> bool:
        """Store a template; return False if its name is taken."""
        row: Row = {**change_row(None, change), "template": _properties(template), "after": _audited(template)}
        try:
            await self._connection.write([Statement("create_templates", [row])])
        except UniqueKeyTaken:
            return False
        return True

    async def replace(self, before: TaskTemplate, after: TaskTemplate, change: Change) -> bool:
        """Give a template other content, if it has the version of *before*; return whether it had."""
        row: Row = {"name": before.name, "version_before": before.version, **change_row(None, change)}
        row |= {"template": _properties(after), "before": _audited(before), "after": _audited(after)}
        answers = await self._connection.write([Statement("replace_templates", [row])])
        return bool(answers[0])

    async def remove(self, template: TaskTemplate, change: Change) -> bool:
        """Remove a template; return whether this call did it."""
        row: Row = {"name": template.name, **change_row(None, change), "before": _audited(template)}
        answers = await self._connection.write([Statement("delete_templates", [row])])
        return bool(answers[0])

    async def all(self) -> Sequence[TaskTemplate]:
        """Return every template, by name."""
        return self._read(await self._connection.read(query("templates"), {}))

    async def named(self, names: Sequence[str]) -> Mapping[str, TaskTemplate]:
        """Return those of the templates *names* that there are."""
        found = self._read(await self._connection.read(query("templates_by_name"), {"names": list(names)}))
        return {each.name: each for each in found}

    def _read(self, found: Sequence[Row]) -> list[TaskTemplate]:
        return self._records.read("name", template_from, [row["k"] for row in found])


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
    """Return what the audit log says of a template, as JSON."""
    shown = {"name": template.name, "version": template.version, "parameters": template.parameters_json()}
    return _text({**shown, "task": template.task})


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
