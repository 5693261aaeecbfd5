"""A tool as the protocol has it."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING

from mcp_types import CallToolResult, TextContent, Tool, ToolAnnotations

from remembrancer.operations.operation import Effect
from remembrancer.surfaces.tools.operation_tool import OperationTool
from remembrancer.surfaces.tools.schemas import output_schema

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation, Params
    from remembrancer.surfaces.tools.scheduler_access import Reached


class ServedTool(OperationTool):
    """A tool of the server.

    Args:
        name: Its name.
        operation: The operation.
    """

    def __init__(self, name: str, operation: AnyOperation) -> None:
        super().__init__(name, operation, starting="or start this server with --serve")

    @cached_property
    def definition(self) -> Tool:
        """The definition that a host reads."""
        effect = self.operation.effect
        return Tool(
            name=self.name,
            title=self.name.replace("_", " ").capitalize(),
            description=self.description,
            input_schema=self.parameters,
            output_schema=output_schema(self.operation),
            annotations=ToolAnnotations(
                read_only_hint=effect is Effect.READS,
                destructive_hint=effect is Effect.DESTROYS,
                idempotent_hint=effect is not Effect.ADDS,
                open_world_hint=False,
            ),
        )

    async def serve(self, reached: Reached, params: Params) -> CallToolResult:
        """Call the operation; return plain values, and the same as text for hosts that know no other.

        Raises RemembrancerError.
        """
        answer = await self.answer(reached, params)
        text = json.dumps(answer, ensure_ascii=False)
        return CallToolResult(content=[TextContent(text=text)], structured_content=answer)
