"""The ports that `remembrancer serve` opens beside the graph: the API, and `/metrics`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AsyncExitStack

    from remembrancer.cli.serve_options import ServeOptions
    from remembrancer.service.service import SchedulerService
    from remembrancer.surfaces.network import Network
    from remembrancer.surfaces.otel.prometheus import PrometheusExporter
    from remembrancer.surfaces.rest.server import RestServer

T = TypeVar("T")
_EXTRA: Final = "pip install 'remembrancer[rest]'"
_OF_THE_EXTRA: Final = frozenset({"fastapi", "starlette", "uvicorn", "websockets"})


@dataclass(frozen=True, slots=True)
class ApiEndpoint:
    """Where the API is served, or why it is not."""

    port: int | None = None
    url: str | None = None
    absent: str | None = None
    """What it lacks; None where it is served, or nobody asked for it."""


def network_of(asked: ServeOptions) -> Network:
    """Return the network settings of the API. Raises InvalidInput: one is wrong, or has no meaning without the API."""
    from remembrancer.surfaces.network import read_network

    wanted = _wanted(asked)
    if asked.rest is False and wanted:
        raise InvalidInput(wanted, "--no-rest", "one of the two: without the API it has no meaning", wanted)
    return read_network(
        asked.host,
        certificate=asked.tls_cert,
        key=asked.tls_key,
        proxies=asked.proxy or (),
        root_path=asked.root_path,
        allowed_hosts=asked.allowed_host or (),
    )


def refuse_shared_port(asked: ServeOptions) -> None:
    """Refuse one port for two servers. Raises InvalidInput."""
    ports = {
        "--rest-port": asked.rest_port,
        "--bolt-port": asked.bolt_port,
        "--control-port": asked.control_port,
        "--metrics-port": asked.metrics_port,
    }
    taken: dict[int, str] = {}
    for option, port in ports.items():
        if port and port in taken:
            raise InvalidInput(option, port, f"a port of its own: {taken[port]} has this one", 0)
        taken[port or 0] = option


async def serve_rest(
    stack: AsyncExitStack, service: SchedulerService, asked: ServeOptions, kept_port: int | None = None
) -> ApiEndpoint:
    """Serve the API, at the port of the last start if it is free.

    Where what it stands on is missing or broken, that is said; it is an error if the API was asked for.
    """
    from remembrancer.surfaces.kept_access import is_free

    network = network_of(asked)
    wanted = _wanted(asked)
    if asked.rest is False:
        return ApiEndpoint()
    made = _rest_server()
    if isinstance(made, str):
        if wanted:
            raise InvalidInput(wanted, made, "nothing, while the API cannot be served", _EXTRA)
        return ApiEndpoint(absent=made)
    port = asked.rest_port or (kept_port if kept_port and is_free(kept_port, network.host) else 0)
    server = made(service, network=network, port=port)
    stack.push_async_callback(server.stop)
    taken = await listening("--rest-port", port, server.start)
    return ApiEndpoint(taken, network.url(taken))


def _wanted(asked: ServeOptions) -> str | None:
    """Return the option that asks for the API; None where it is served if it can be."""
    options = {
        "--rest": asked.rest,
        "--rest-port": asked.rest_port,
        "--host": asked.host != "127.0.0.1",
        "--tls-cert": asked.tls_cert,
        "--tls-key": asked.tls_key,
        "--proxy": asked.proxy,
        "--root-path": asked.root_path,
        "--allowed-host": asked.allowed_host,
    }
    return next((option for option, given in options.items() if given), None)


def _rest_server() -> type[RestServer] | str:
    """Return the API's server; where it cannot be imported, the cause."""
    try:
        from remembrancer.surfaces.rest.server import RestServer
    except ImportError as missing:
        if isinstance(missing, ModuleNotFoundError) and missing.name in _OF_THE_EXTRA:
            return f"{missing.name} is not installed: {_EXTRA}"
        said = f"it cannot be imported: {missing}"
        logging.getLogger("remembrancer").warning("The API is not served, for %s", said)
        return said
    return RestServer


def exposition(port: int | None) -> PrometheusExporter | None:
    """Return what gathers for Prometheus, if anybody asked. Raises InvalidInput where what it stands on is missing."""
    if port is None:
        return None
    try:
        from remembrancer.surfaces.otel.prometheus import PrometheusExporter
    except ImportError as missing:
        allowed = "nothing, while the extra is not installed: pip install 'remembrancer[prometheus]'"
        raise InvalidInput("--metrics-port", str(missing), allowed, "9464") from missing
    return PrometheusExporter()


async def serve_metrics(
    stack: AsyncExitStack, gathering: PrometheusExporter | None, service: SchedulerService, port: int | None
) -> int | None:
    """Serve `/metrics`, if anybody asked; return the port."""
    if gathering is None:
        return None
    from remembrancer.surfaces.otel.prometheus import MetricsServer

    server = MetricsServer(gathering, service, port or 0)
    stack.push_async_callback(server.stop)
    return await listening("--metrics-port", port or 0, server.start)


async def listening(option: str, port: int, start: Callable[[], Awaitable[T]]) -> T:
    """Return where a server listens. Raises InvalidInput: it cannot have the port asked for."""
    try:
        return await start()
    except OSError as refused:
        allowed = f"a port that is free and may be taken ({refused.strerror or refused}); 0 is any"
        raise InvalidInput(option, port, allowed, 0) from refused
