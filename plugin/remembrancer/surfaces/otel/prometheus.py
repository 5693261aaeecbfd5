"""Metrics in the format of Prometheus: an exporter to mount in an application, and a server of its own."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final, cast

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from remembrancer.errors import RemembrancerError
from remembrancer.surfaces.host_names import host_of, is_known
from remembrancer.surfaces.otel.metrics import OpenTelemetry
from remembrancer.surfaces.server import Endpoint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    from remembrancer.service.service import SchedulerService

    Message = MutableMapping[str, object]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

PATH: Final = "/metrics"
_MOST_CONNECTIONS: Final = 16
"""The most connections that the server of this module has open at once."""
_PAUSE_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 10.0
"""Seconds that the graph may take to answer; the other values are shown without it then."""


class PrometheusExporter:
    """An exporter of what schedulers measure, made before them: each is given its instruments.

    Spans go where they would have gone without it.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=self._registry)
        self._provider = MeterProvider([reader], shutdown_on_exit=False)
        self.instruments = OpenTelemetry(self._provider)

    async def text(self, service: SchedulerService, accept: str = "") -> tuple[bytes, str]:
        """Return the metrics of *service* as text, and the type of the text; the graph is read first."""
        self.instruments.drain()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await service.gauges.refresh()
        except (RemembrancerError, TimeoutError):
            service.gauges.forget()  # what is not known is not shown
        encode, content_type = choose_encoder(accept)
        return await asyncio.to_thread(encode, self._registry), content_type

    def app(self, service: SchedulerService) -> Callable[[Message, Receive, Send], Awaitable[None]]:
        """Return an ASGI application that answers every GET with what *service* measures: mount it at `/metrics`."""

        async def answer(scope: Message, _: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return
            got = scope["method"] in {"GET", "HEAD"}
            body, kind = await self.text(service, _accepted(scope)) if got else (b"", "text/plain")
            status = HTTPStatus.OK if got else HTTPStatus.METHOD_NOT_ALLOWED
            headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": int(status), "headers": headers})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

        return answer

    def close(self) -> None:
        """Stop gathering."""
        self._provider.shutdown()


class MetricsServer:
    """Serves `/metrics` on a loopback port, on a thread of its own.

    Args:
        exposition: What gathers.
        service: Started in the loop that runs here; it has the exposition's instruments.
        port: 0 takes a free one.
    """

    name = "metrics"

    def __init__(self, exposition: PrometheusExporter, service: SchedulerService, port: int = 0) -> None:
        self._exposition = exposition
        self._service = service
        self._port = port
        self._server: ThreadingHTTPServer | None = None

    async def start(self) -> Endpoint:
        """Listen. Raises OSError: the port is taken."""
        loop = asyncio.get_running_loop()

        def ask(accept: str) -> tuple[bytes, str]:
            asked = asyncio.run_coroutine_threadsafe(self._exposition.text(self._service, accept), loop)
            return asked.result(2 * _PATIENCE_SECONDS)

        class Handler(_Handler):
            text = staticmethod(ask)

        self._server = _BoundedServer(("127.0.0.1", self._port), Handler)
        Thread(target=self._server.serve_forever, name="remembrancer metrics", daemon=True).start()
        port: int = self._server.server_port
        said = {"metrics_port": port}
        return Endpoint(f"http://127.0.0.1:{port}{PATH}", port, facts=said, access=said)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server:
            await asyncio.to_thread(self._server.shutdown)
            self._server.server_close()
        self._exposition.close()


class _BoundedServer(ThreadingHTTPServer):
    """Has a bounded number of connections: the one that is there the longest gives way to the next."""

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: dict[object, None] = {}
        self._turn = Lock()

    def get_request(self) -> tuple[socket.socket, object]:
        """Take a connection; where the process has no file left for it, wait a little before the next try."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(_PAUSE_SECONDS)
            raise

    def process_request(self, request: object, client_address: object) -> None:
        """Serve a connection on a thread of its own."""
        with self._turn:
            excess = list(self._open)[: max(0, len(self._open) + 1 - _MOST_CONNECTIONS)]
            for oldest in excess:  # at once: its thread may be slow to end it, and the next to come must end another
                del self._open[oldest]
            self._open[request] = None
        for oldest in excess:
            if isinstance(oldest, socket.socket):
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)  # pyright: ignore[reportArgumentType] (a socket, as it came)

    def shutdown_request(self, request: object) -> None:
        """End a connection."""
        with self._turn:
            self._open.pop(request, None)
        super().shutdown_request(request)  # pyright: ignore[reportArgumentType] (a socket, as it came)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a connection that broke off."""


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server_version = "remembrancer"
    timeout = 10.0
    text: Callable[[str], tuple[bytes, str]]

    def do_GET(self) -> None:
        """Answer with what is measured; there is nothing else here."""
        if not is_known(host_of(self.headers.get("host", ""))):
            self.send_error(HTTPStatus.BAD_REQUEST, explain="Ask for it as localhost or 127.0.0.1.")
            return
        if self.path.partition("?")[0] != PATH:
            self.send_error(HTTPStatus.NOT_FOUND, explain=f"There is {PATH}, and nothing else.")
            return
        try:
            body, kind = self.text(self.headers.get("accept", ""))
        except TimeoutError:
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, explain="The scheduler is too busy to answer.")
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self) -> None:
        """End the head, with what every answer says."""
        self.send_header("cache-control", "no-store")
        self.send_header("x-content-type-options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's own name)
        """Keep requests off the terminal."""


def _accepted(scope: Message) -> str:
    pairs = cast("Iterable[tuple[bytes, bytes]]", scope.get("headers", ()))
    return next((value.decode("latin-1") for name, value in pairs if name == b"accept"), "")
