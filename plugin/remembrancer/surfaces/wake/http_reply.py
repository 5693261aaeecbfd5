"""A request over HTTP, and its reply: one connection for each, closed with the reply or by a cancellation.

No redirect is followed: the request has the agent's work in it, and perhaps a secret.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import SplitResult, urlsplit

from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

LONGEST_REPLY: Final = 1_048_576
"""Bytes of a reply, with its headers; a longer one is refused."""
_PART: Final = 65_536
_EXAMPLE: Final = "https://agent.example.org/wake"
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_OWN: Final = frozenset({"host", "content-length", "connection", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A reply."""

    status: int
    """The status code."""
    text: str
    """The body."""
    retry_after: str | None
    """The header `Retry-After`."""


class NoReply(Exception):
    """There is no reply; the text says why."""


@dataclass(frozen=True)
class HttpAddress:
    """The address of requests, checked, and their headers.

    Raises InvalidInput: It is no address for requests, or a header cannot be sent.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        """Check them."""
        allowed = "an address that begins with http:// or https://, without a name, a password and a fragment"
        try:
            port, parts = urlsplit(self.url).port, self._parts
            is_plain = self.url.isascii() and self.url.isprintable() and " " not in self.url and "@" not in parts.netloc
        except (ValueError, TypeError, AttributeError) as refused:
            raise InvalidInput("url", self.url, allowed, _EXAMPLE) from refused
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment or port == 0 or not is_plain:
            raise InvalidInput("url", self.url, allowed, _EXAMPLE)
        for name, value in self.headers.items():
            if not _NAME.fullmatch(name) or name.lower() in _OWN:
                raise InvalidInput("headers", name, "names of headers, not those of the transport", "Authorization")
            if not _VALUE.fullmatch(value):
                raise InvalidInput("headers", f"{name}: …", "values of printable ASCII", "Bearer …")

    @cached_property
    def _parts(self) -> SplitResult:
        return urlsplit(self.url)

    @property
    def shown(self) -> str:
        """The address for people: without its path and query, which may hold a secret."""
        return f"{self._parts.scheme}://{self._parts.netloc}"

    @cached_property
    def _tls(self) -> ssl.SSLContext | None:
        return ssl.create_default_context() if self._parts.scheme == "https" else None

    async def post(self, body: bytes, headers: Mapping[str, str]) -> HttpReply:
        """Send *body*, and return the reply. Raises NoReply."""
        parts = self._parts
        own = {"Host": parts.netloc, "Content-Length": str(len(body)), "Connection": "close"}
        lines = [f"{name}: {value}" for name, value in ({**headers, **self.headers, **own}).items()]
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""])
        try:
            data = await self._exchanged(head.encode("ascii") + body)
            return _reply(data)
        except (OSError, HTTPException, ValueError) as fault:  # a broken reply may be no number, no text
            raise NoReply(str(fault) or type(fault).__name__) from fault

    async def _exchanged(self, request: bytes) -> bytes:
        parts, tls = self._parts, self._tls
        port = parts.port or (443 if tls else 80)
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
        try:
            writer.write(request)
            await writer.drain()
            data = bytearray()
            while part := await reader.read(_PART):
                data += part
                if len(data) > LONGEST_REPLY:
                    raise ValueError(f"its reply is longer than {LONGEST_REPLY:,} bytes")
            return bytes(data)
        finally:
            writer.transport.abort()


class _KeptReply:
    """A reply that was read, for a parser that reads from a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> BytesIO:
        """Return it as a file."""
        return BytesIO(self._data)


def _reply(data: bytes) -> HttpReply:
    response = HTTPResponse(cast("socket.socket", _KeptReply(data)), method="POST")
    response.begin()
    return HttpReply(response.status, response.read().decode("utf-8", "replace"), response.getheader("Retry-After"))
