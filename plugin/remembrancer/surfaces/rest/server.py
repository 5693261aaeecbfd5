"""The server of the API, in the event loop of the scheduler."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

from remembrancer.surfaces.network import Network
from remembrancer.surfaces.rest.app import application
from remembrancer.surfaces.rest.connections import BoundedServer, HttpConnection
from remembrancer.surfaces.rest.gate import Gate
from remembrancer.surfaces.rest.proxies import BehindProxies
from remembrancer.surfaces.server import Endpoint

if TYPE_CHECKING:
    from collections.abc import Generator

    from remembrancer.service.service import SchedulerService
    from remembrancer.surfaces.rest.bounded_responses import BoundedResponses
    from remembrancer.surfaces.rest.event_streams import LiveRoutes

_BACKLOG: Final = 128
_GRACE_SECONDS: Final = 5
_LARGEST_MESSAGE: Final = 4096
"""Bytes in one message of a WebSocket's client; what it sends is ignored."""
_GONE_MS: Final = 60_000
"""A client that has acknowledged nothing for so long is gone, and its streams end."""


class RestServer:
    """Serves the API of *service*.

    Args:
        service: Started elsewhere.
        network: Where it listens, and what protects the tokens; None is a loopback address.
        port: 0 takes a free one.
    """

    name = "api"

    def __init__(self, service: SchedulerService, *, network: Network | None = None, port: int = 0) -> None:
        self._network = network = network or Network()
        self._address = (network.host, port)
        app = application(service)
        self._live: LiveRoutes = app.state.live
        self._answers: BoundedResponses = app.state.answers
        settings = uvicorn.Config(
            Gate(BehindProxies(app, network) if network.proxies else app, service.counted, network.allowed_hosts),
            http=HttpConnection,
            ws_max_size=_LARGEST_MESSAGE,
            root_path=network.root_path,
            ssl_certfile=network.certificate,
            ssl_keyfile=network.key,
            proxy_headers=False,  # or a client on this machine could pose as another
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = _Quiet(settings)
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> Endpoint:
        """Listen. Raises OSError: the port is taken."""
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        listening = socket.create_server(self._address, family=family, backlog=_BACKLOG)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # where it is not, the system lets go of them in its own time
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GONE_MS)
        port: int = listening.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve([listening]), name="remembrancer rest")
        while not self._server.started and not self._serving.done():  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0.005)
        url = self._network.url(port)
        return Endpoint(
            f"{url}/v1/openapi.json",
            port,
            note="token: remembrancer token create --name … --scope write",
            facts={"rest": url, "rest_absent": None},
            access={"rest_port": port, "rest_url": url},
        )

    async def stop(self) -> None:
        """Answer what was asked and acts, end what only reads, then listen no more."""
        self._live.close()
        self._answers.close()
        self._server.should_exit = True
        if self._serving:
            await self._serving


class _Quiet(BoundedServer):
    """Leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield
