"""Resources: the agenda, a task, an execution."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcp_types import ReadResourceResult, Resource, ResourceTemplate, TextResourceContents

from remembrancer.errors import InvalidInput
from remembrancer.operations.catalog import OPERATIONS
from remembrancer.surfaces.tools.results import lean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.surfaces.tools.scheduler_access import Reached

_JSON: Final = "application/json"
_NAME: Final = "([^/]+)"
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class OperationResource:
    """The result of a reading operation under a URI.

    Args:
        uri: The URI; an argument of the operation is in braces.
        title: Its title, for people.
        operation: The operation.
    """

    uri: str
    title: str
    operation: str

    @property
    def name(self) -> str:
        """Its name."""
        return self.title.lower().replace(" ", "_")

    def arguments(self, uri: str) -> dict[str, str] | None:
        """Return the arguments in *uri*; None if it is another resource's."""
        names: list[str] = _PLACEHOLDER.findall(self.uri)
        found = re.fullmatch(_NAME.join(map(re.escape, _PLACEHOLDER.split(self.uri)[::2])), uri)
        return dict(zip(names, found.groups(), strict=True)) if found else None


_RESOURCES: Final = (
    OperationResource("scheduler://agenda", "Agenda", "agenda"),
    OperationResource("scheduler://status", "Status", "get_status"),
    OperationResource("scheduler://task/{task_id}", "Task", "get_task"),
    OperationResource("scheduler://task/{task_id}/timeline", "Timeline of a task", "timeline"),
    OperationResource("scheduler://execution/{execution_id}", "Execution", "get_execution"),
)
_OPERATIONS: Final = {each.name: each for each in OPERATIONS}


def resources() -> list[Resource]:
    """Return the resources at one place."""
    return [
        Resource(uri=each.uri, name=each.name, title=each.title, description=_about(each), mime_type=_JSON)
        for each in _RESOURCES
        if "{" not in each.uri
    ]


def templates() -> list[ResourceTemplate]:
    """Return the resources whose URI has a place for an id."""
    return [
        ResourceTemplate(
            uri_template=each.uri, name=each.name, title=each.title, description=_about(each), mime_type=_JSON
        )
        for each in _RESOURCES
        if "{" in each.uri
    ]


def find(uri: str) -> tuple[OperationResource, Mapping[str, str]]:
    """Return the resource of a URI and the arguments in it. Raises InvalidInput: there is none."""
    for each in _RESOURCES:
        if (arguments := each.arguments(uri)) is not None:
            return each, arguments
    raise InvalidInput("uri", uri, f"one of {', '.join(each.uri for each in _RESOURCES)}", _RESOURCES[0].uri)


async def read(reached: Reached, uri: str) -> ReadResourceResult:
    """Return the content of a resource. Raises RemembrancerError: there is none, or it cannot be read."""
    found, arguments = find(uri)
    operation = _OPERATIONS[found.operation]
    result = await reached.call(operation, operation.params.model_validate(arguments))
    text = json.dumps(lean(result), ensure_ascii=False)
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type=_JSON, text=text)])


def _about(each: OperationResource) -> str:
    return _OPERATIONS[each.operation].summary
