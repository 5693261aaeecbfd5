"""`remembrancer mcp`: tools of a scheduler for the host that starts this process."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import DEFAULT_GRAPH
from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_label

if TYPE_CHECKING:
    from remembrancer.surfaces.tools.scheduler_access import SchedulerAccess

_QUEUE: Final = "claude-code"
_EXTRA: Final = "pip install 'remembrancer[mcp]'"


@dataclass(frozen=True, kw_only=True)
class McpOptions(GraphOptions):
    """The options of `mcp`."""

    profile: Annotated[
        list[str] | None,
        Option(
            metavar="PROFILE",
            help="Whom the tools are for: agent, or operator for all there are; may be given again. Without it: agent.",
        ),
    ] = None
    queue: Annotated[
        str | None,
        Option(
            metavar="QUEUE",
            help="The queue of tasks that are scheduled here and name none: each waits in it until it is taken.",
        ),
    ] = None
    serve: Annotated[
        bool,
        Option(
            "--serve",
            help="Run the scheduler in this process too; while another one runs it, from its end on.",
        ),
    ] = False
    handler: Annotated[
        str | None, Option(metavar="MODULE:FUNCTION", help="With --serve: the function that does the work.")
    ] = None
    run_commands: Annotated[
        bool, Option("--run-commands", help="With --serve: run the command of a task that has one, as this user.")
    ] = False


async def mcp(asked: McpOptions) -> int:
    """Serve the scheduler's tools, over stdio, to the MCP host that starts this process.

    A host starts it by an entry such as this one in its configuration:

        {"mcpServers": {"remembrancer": {"command": "remembrancer", "args": ["mcp", "--serve", "-g", "/data/agent"]}}}

    Without --serve, nothing fires unless `remembrancer serve` runs on the graph. It ends when the host closes its
    stdin, or at a signal. Messages go to stderr.

    For example:

        remembrancer mcp --serve --graph /data/agent
    """
    try:
        from remembrancer.surfaces.mcp.server import SchedulerServer
        from remembrancer.surfaces.mcp.stdio import client_streams
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in {"mcp", "mcp_types"}:
            raise
        raise InvalidInput("mcp", str(missing), "nothing, while the extra is not installed", _EXTRA) from missing

    _check(asked)
    with client_streams() as streams:
        async with AsyncExitStack() as stack:
            server = SchedulerServer(await _access(stack, asked), asked.profile or ["agent"], asked.queue)
            with suppress(asyncio.CancelledError):  # a signal is one of the ends of such a process
                await server.serve(streams)
    return 0


def _check(asked: McpOptions) -> None:
    """Refuse options that contradict one another, before anything is opened. Raises InvalidInput."""
    for option, given in (("--handler", asked.handler), ("--run-commands", asked.run_commands)):
        if given and not asked.serve:
            raise InvalidInput(option, given, "an option beside --serve: nothing fires here without it", "--serve")
    if asked.queue is not None:
        read_label("--queue", asked.queue, _QUEUE)
    if asked.graph == ":memory:":
        allowed = "a folder or the URI of a server: what is scheduled is to outlive this process"
        raise InvalidInput("--graph", asked.graph, allowed, DEFAULT_GRAPH)


async def _access(stack: AsyncExitStack, asked: McpOptions) -> SchedulerAccess:
    """Return the way to the scheduler; *stack* ends it."""
    from remembrancer.cli.commands.serve import opening_of
    from remembrancer.cli.connect import folder_of, set_actor
    from remembrancer.cli.scheduler_ways import EachCall, KeptOpen, OwnScheduler

    set_actor("mcp")
    if asked.serve:
        own = OwnScheduler(asked.graph, opening_of(asked.graph, asked.handler, run_commands=asked.run_commands))
        await stack.enter_async_context(own.kept())
        return own
    return EachCall(asked.graph) if folder_of(asked.graph) is not None else KeptOpen(asked.graph, stack)
