"""MCP hosts: the SDK's own client, in memory over a service, or over stdio with the real command."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp import Client, StdioServerParameters, stdio_client
from mcp_types import ElicitResult, Implementation

from remembrancer import Failed, TaskSchedulerService
from remembrancer.mcp import server_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from remembrancer import Firing

MODES = ("auto", "legacy")
"""The protocol of today, without sessions, and the one with a handshake."""
HOST = Implementation(name="a-host", version="1")


async def handle(firing: Firing) -> Any:
    return Failed("No") if firing.task.name == "bad" else f"did {firing.task.trigger_prompt}"


@dataclass
class Human:
    """A person at the host who answers every question alike; None: the host cannot ask."""

    answer: ElicitResult | None = None
    questions: list[str] = field(default_factory=list)

    async def __call__(self, _: object, asked: Any) -> ElicitResult:
        self.questions.append(asked.message)
        assert self.answer is not None
        return self.answer


YES = ElicitResult(action="accept", content={"confirm": True})
NO = ElicitResult(action="decline")


def host(service: TaskSchedulerService, *profiles: str, mode: str = "auto", human: Human | None = None) -> Client:
    asks = human if human is not None and human.answer is not None else None
    made: Any = server_of(service, profiles=profiles or ("agent",))
    return Client(made, mode=mode, elicitation_callback=asks, client_info=HOST)  # pyright: ignore[reportArgumentType]


@asynccontextmanager
async def started_host(
    graph: Path | str, *words: str, human: Human | None = None, folder: Path | None = None
) -> AsyncIterator[Client]:
    """Yield a client whose server is the real command, started by it."""
    command = ["-W", "error", "-m", "remembrancer", "mcp", *words]
    own = {**os.environ, "REMEMBRANCER_GRAPH": str(graph)}
    server = StdioServerParameters(command=sys.executable, args=command, env=own, cwd=folder)
    async with Client(stdio_client(server), elicitation_callback=human, client_info=HOST) as client:
        yield client


async def call(client: Client, tool: str, **arguments: object) -> dict[str, Any]:
    """Return the answer of a tool, which is to succeed."""
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    return answer.structured_content


async def refusal(client: Client, tool: str, **arguments: object) -> str:
    """Return the words of a tool's error."""
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error, answer.structured_content
    return answer.content[0].text  # pyright: ignore[reportAttributeAccessIssue]
