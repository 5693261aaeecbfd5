"""The server, over any way to a scheduler."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, cast

from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    TextContent,
)

from remembrancer.context import CURRENT_ACTOR, Actor
from remembrancer.errors import InvalidInput, RemembrancerError
from remembrancer.model.suggestions import unknown
from remembrancer.surfaces.mcp import resources
from remembrancer.surfaces.mcp.confirmation import NotConfirmed, confirm
from remembrancer.surfaces.mcp.prompts import prompt, prompts
from remembrancer.surfaces.mcp.tool import ServedTool
from remembrancer.surfaces.tools.blast_radius import question_of
from remembrancer.surfaces.tools.instructions import INSTRUCTIONS
from remembrancer.surfaces.tools.scheduler_access import OneService, said_of
from remembrancer.surfaces.tools.tool_table import tools_of

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

    from mcp.server.context import ServerRequestContext
    from mcp_types import (
        CallToolRequestParams,
        GetPromptRequestParams,
        GetPromptResult,
        InputRequiredResult,
        PaginatedRequestParams,
        ReadResourceRequestParams,
        ReadResourceResult,
    )

    from remembrancer.service.service import SchedulerService
    from remembrancer.surfaces.mcp.stdio import ClientStreams
    from remembrancer.surfaces.tools.scheduler_access import SchedulerAccess

    Context = ServerRequestContext[Any]

_LONGEST_NAME: Final = 256


def server_of(service: SchedulerService, *, profiles: Collection[str] = ("agent",)) -> Server[Any]:
    """Return an MCP server over *service*, which is started elsewhere, for a host of this process or any transport.

    Raises InvalidInput: a profile is none of those there are.
    """
    return SchedulerServer(OneService(service), profiles).server()


class SchedulerServer:
    """The requests of MCP clients, answered by the operations of a scheduler.

    Args:
        access: The way to the scheduler.
        profiles: The purposes of the client, which decide on its tools.
    """

    def __init__(self, access: SchedulerAccess, profiles: Collection[str]) -> None:
        self._access = access
        self._tools = {name: ServedTool(name, operation) for name, operation in tools_of(profiles).items()}

    def server(self) -> Server[Any]:
        """Return the protocol's server, to be run on any transport."""
        return Server(
            "remembrancer",
            version=version("remembrancer"),
            title="Remembrancer",
            instructions=INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
        )

    async def serve(self, streams: ClientStreams) -> None:
        """Answer the client that started this process until it ends."""
        server, both = self.server(), cast("Any", streams)  # in place of the SDK's own files
        async with stdio_server(both, both) as (read, write):
            await server.run(read, write, server.create_initialization_options())

    async def _list_tools(self, _: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[each.definition for each in self._tools.values()])

    async def _call_tool(self, context: Context, call: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
        try:
            with _acting(context):
                return await self._answer(context, call)
        except NotConfirmed as refusal:
            return CallToolResult(content=[TextContent(text=f"NotConfirmed: {refusal}")], is_error=True)
        except Exception as error:  # noqa: BLE001 (whatever it is, the model is told, and the server goes on)
            said = said_of(error, f"The tool {call.name}")
            return CallToolResult(content=[TextContent(text=said)], is_error=True)

    async def _answer(self, context: Context, call: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
        tool = self._tools.get(call.name)
        if tool is None:
            raise InvalidInput(
                "name", call.name, unknown(call.name, list(self._tools), "tool"), next(iter(self._tools))
            )
        params, given = tool.read(call.arguments or {})
        async with self._access.reach(reading=tool.reads) as reached:
            question = await question_of(reached, tool.operation, params) if tool.destroys else None
        if question and (asked := await confirm(context, call, question, given=given)):
            return asked
        async with self._access.reach(reading=tool.reads) as reached:
            return await tool.serve(reached, params)

    async def _list_resources(self, _: Context, __: PaginatedRequestParams | None) -> ListResourcesResult:
        return ListResourcesResult(resources=resources.resources())

    async def _list_templates(self, _: Context, __: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(resource_templates=resources.templates())

    async def _read_resource(self, context: Context, asked: ReadResourceRequestParams) -> ReadResourceResult:
        with _acting(context), _as_refusals():
            async with self._access.reach(reading=True) as reached:
                return await resources.read(reached, str(asked.uri))

    async def _list_prompts(self, _: Context, __: PaginatedRequestParams | None) -> ListPromptsResult:
        return ListPromptsResult(prompts=prompts())

    async def _get_prompt(self, _: Context, asked: GetPromptRequestParams) -> GetPromptResult:
        with _as_refusals():
            return prompt(asked.name, asked.arguments or {})


@contextmanager
def _acting(context: Context) -> Generator[None]:
    """Do what follows in the name of the client: what it writes has this actor in the audit log."""
    client = context.session.client_params
    name = client.client_info.name[:_LONGEST_NAME] if client and client.client_info else None
    before = CURRENT_ACTOR.set(Actor("mcp", name))
    try:
        yield
    finally:
        CURRENT_ACTOR.reset(before)


@contextmanager
def _as_refusals() -> Generator[None]:
    """Turn a refusal into the protocol's error, with the same words."""
    try:
        yield
    except RemembrancerError as error:
        raise MCPError(INVALID_PARAMS, f"{type(error).__name__}: {error}") from error
