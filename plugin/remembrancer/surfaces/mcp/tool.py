"""One tool over one operation: its definition, its arguments, its answer."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

from mcp_types import CallToolResult, TextContent, Tool, ToolAnnotations
from pydantic import ValidationError

from remembrancer.operations.operation import Effect
from remembrancer.surfaces.mcp.results import lean
from remembrancer.surfaces.mcp.schemas import (
    CONFIRM,
    FILLED,
    LIST_LENGTH,
    as_object,
    body_of,
    input_schema,
    is_object,
    output_schema,
)
from remembrancer.surfaces.violations import to_invalid_input

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.operations.operation import AnyOperation, Params
    from remembrancer.surfaces.mcp.scheduler_access import Reached

_UNFIRED: Final = (
    "Nothing fires at present: no scheduler runs on this graph. Start one with `remembrancer serve`, or start this "
    "server with --serve."
)


class OperationTool:
    """A tool.

    Args:
        name: Its name.
        operation: The operation.
    """

    def __init__(self, name: str, operation: AnyOperation) -> None:
        self.name = name
        self.operation = operation
        self._body = body_of(operation)

    @cached_property
    def definition(self) -> Tool:
        """The definition that a host reads."""
        effect = self.operation.effect
        return Tool(
            name=self.name,
            title=self.name.replace("_", " ").capitalize(),
            description=self.operation.summary,
            input_schema=input_schema(self.operation),
            output_schema=output_schema(self.operation),
            annotations=ToolAnnotations(
                read_only_hint=effect is Effect.READS,
                destructive_hint=effect is Effect.DESTROYS,
                idempotent_hint=effect is not Effect.ADDS,
                open_world_hint=False,
            ),
        )

    @property
    def reads(self) -> bool:
        """True if a call changes nothing."""
        return self.operation.effect is Effect.READS

    @property
    def destroys(self) -> bool:
        """True if a call ends or removes something."""
        return self.operation.effect is Effect.DESTROYS

    def read(self, given: Mapping[str, object]) -> tuple[Params, bool]:
        """Return the parameters in a call's arguments, and whether it is confirmed. Raises InvalidInput."""
        arguments = dict(given)
        confirmed = self.destroys and arguments.pop(CONFIRM, False) is True
        self._fill(arguments)
        if self._body:
            own = {name: arguments.pop(name) for name in self._own & arguments.keys()}
            arguments = {**own, self._body: arguments}
        try:
            params = self.operation.params.model_validate(arguments)
        except ValidationError as refusal:
            raise self._refused(refusal) from None
        params.check()
        return params, confirmed

    async def answer(self, reached: Reached, params: Params) -> CallToolResult:
        """Call the operation and return its result as a tool's. Raises RemembrancerError."""
        return self.told(await reached.call(self.operation, params), fires=reached.fires)

    def told(self, result: object, *, fires: bool) -> CallToolResult:
        """Return a result as a tool's: plain values, and the same as text for hosts that know no other."""
        answer = as_object(lean(result), is_object=self._is_object)
        if not fires and "next_fires" in answer and not self.reads:
            answer["warnings"] = [*cast("list[str]", answer.get("warnings", [])), _UNFIRED]
        text = json.dumps(answer, ensure_ascii=False)
        return CallToolResult(content=[TextContent(text=text)], structured_content=answer)

    @cached_property
    def _is_object(self) -> bool:
        return is_object(self.operation)

    @property
    def _own(self) -> set[str]:
        """The parameters beside the one that holds all others."""
        return {name for name in self.operation.params.model_fields if name != self._body}

    def _fill(self, arguments: dict[str, object]) -> None:
        """Give a value to what a model may leave out."""
        if self._body and "name" in arguments:
            arguments.setdefault("goal_description", arguments["name"])
        if self._body:
            for name, value in FILLED.items():
                arguments.setdefault(name, value)
        field = self.operation.params.model_fields.get("limit")
        if field and not any(hasattr(each, "le") for each in field.metadata):
            arguments.setdefault("limit", LIST_LENGTH)

    def _refused(self, refusal: ValidationError) -> Exception:
        """Return what does not fit as the error that every surface answers, with the names of the arguments."""
        kind: object = self.operation.params
        faults = refusal.errors(include_url=False)
        if self._body:
            kind = self.operation.params.model_fields[self._body].annotation
            for fault in faults:
                fault["loc"] = tuple(each for each in fault["loc"] if each != self._body)
        return to_invalid_input(cast("list[Mapping[str, object]]", faults), kind)
