"""Reverse proxies: their forwarded headers are trusted, and without TLS no other remote client is served."""

from __future__ import annotations

import ipaddress
import secrets
from typing import TYPE_CHECKING, Final

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from remembrancer.surfaces.rest.problems import Document, problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from remembrancer.surfaces.network import Network

_FORBIDDEN: Final = 403
_POLICY_VIOLATION: Final = 1008
_REFUSAL: Final = "Without TLS, this server serves only this machine and the proxies named by --proxy. Use the proxy."


class BehindProxies:
    """The API behind proxies.

    Args:
        app: The API.
        network: Names the proxies.
    """

    def __init__(self, app: ASGIApp, network: Network) -> None:
        self._app = ProxyHeadersMiddleware(app, list(network.proxies))  # pyright: ignore[reportArgumentType]  uvicorn has types of its own
        self._networks = network.networks
        self._open = network.certificate is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request from a proxy, from this machine, or over TLS; reject others."""
        if scope["type"] == "lifespan" or self._open or self._is_near(scope):
            await self._app(scope, receive, send)  # pyright: ignore[reportArgumentType]  as above
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            refusal = problem(_FORBIDDEN, "not-a-proxy", _REFUSAL, secrets.token_hex(8), "Not a proxy")
            await Document(refusal, _FORBIDDEN)(scope, receive, send)

    def _is_near(self, scope: Scope) -> bool:
        """Return True for a request from a proxy, or from this machine."""
        client = scope.get("client")
        try:
            address = ipaddress.ip_address(client[0] if client else "")
        except ValueError:
            return False
        return address.is_loopback or any(address in network for network in self._networks)
