"""The outermost layer of the API: host names, unread bodies, and headers of every response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from fastapi import Request, Response

from remembrancer.surfaces.host_names import host_of, is_known
from remembrancer.surfaces.rest.problems import ProblemError
from remembrancer.surfaces.rest.security import SAFE_HEADERS, answered

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, MutableMapping
    from contextlib import AbstractContextManager

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MISDIRECTED: Final = 400


class Gate:
    """An application behind its gate.

    A request with an unknown host name is rejected: a web page could point that name to this machine, and pose as the
    API (DNS rebinding). A response sent before the whole body has arrived closes the connection: the rest of the body
    is neither received nor parsed.

    Args:
        app: The API.
        counted: A context that counts a request.
        hosts: Allowed host names, in addition to those of the loopback interface.
    """

    def __init__(
        self, app: ASGIApp, counted: Callable[[], AbstractContextManager[None]], hosts: Collection[str] = ()
    ) -> None:
        self._app = app
        self._counted = counted
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one WebSocket."""
        if scope["type"] == "http":
            exchange = _Exchange(scope, receive, send)
            app = self._app if self._is_ours(scope) else self._refuse
            await app(scope, exchange.receive, exchange.send)
        elif scope["type"] == "websocket" and not self._is_ours(scope):
            await send({"type": "websocket.close", "code": 1008, "reason": "an unknown host"})
        else:
            await self._app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        host = host_of(_header(scope, b"host") or "")
        address, *_ = scope.get("server") or ("",)  # an IP address cannot be rebound
        return is_known(host, {address, *self._hosts})

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def refused(_: Request) -> Response:
            with self._counted():
                raise self._refusal(_header(scope, b"host"))

        answer = await answered(refused, Request(scope))
        await answer(scope, receive, send)

    def _refusal(self, host: str | None) -> ProblemError:
        allowed = " | ".join(["localhost", "127.0.0.1", "[::1]", *sorted(self._hosts)])
        detail = "The API does not accept this host name. Use one of its own names, or start it with --allowed-host."
        return ProblemError(_MISDIRECTED, "host", detail, said=("Host", host, allowed, "localhost"))


class _Exchange:
    """One request and its response in progress."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        length, coding = _header(scope, b"content-length"), _header(scope, b"transfer-encoding")
        self._awaits_body = coding is not None or length not in {None, "0"}

    async def receive(self) -> Message:
        """Forward a part of the body."""
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            self._awaits_body = False
        return message

    async def send(self, message: Message) -> None:
        """Forward a part of the response, and add the common headers."""
        if message["type"] == "http.response.start":
            given = cast("list[tuple[bytes, bytes]]", list(message.get("headers", ())))
            present = {name.lower() for name, _ in given}
            given += [pair for pair in _SAFE if pair[0] not in present]
            if self._awaits_body:
                given.append((b"connection", b"close"))
            message = cast("MutableMapping[str, object]", {**message, "headers": given})
        await self._send(message)


def _header(scope: Scope, wanted: bytes) -> str | None:
    pairs = cast("list[tuple[bytes, bytes]]", scope["headers"])
    return next((value.decode("latin-1") for name, value in pairs if name == wanted), None)


_SAFE: Final = [(name.lower().encode(), value.encode()) for name, value in SAFE_HEADERS.items()]
