"""The protocol of a server that `remembrancer serve` starts beside the scheduler."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The place where a server listens.

    Args:
        address: For people: a URL, or the path of a socket.
        port: Its port; None for a Unix socket.
        path: Its Unix socket; None for a port.
        note: What a client needs beside the address.
        facts: Its facts in `serve --json`.
        access: What `serve.json` holds of it, for other processes of the same user.
    """

    address: str
    port: int | None = None
    path: str | None = None
    note: str = ""
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    access: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)


class Server(Protocol):
    """A server in the event loop of the scheduler."""

    @property
    def name(self) -> str:
        """Its name, as `serve` prints it."""
        ...

    async def start(self) -> Endpoint:
        """Listen. Raises OSError: the port is taken."""
        ...

    async def stop(self) -> None:
        """Listen no longer, and end what is under way; nothing, if it was not started."""
        ...
