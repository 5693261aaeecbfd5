"""Servers that `remembrancer serve` starts beside the scheduler: one list, walked in order."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from remembrancer.cli.server_wait import until_it_answers
from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AsyncExitStack
    from pathlib import Path

    from remembrancer.bootstrap import BoltServer
    from remembrancer.cli.serve_options import ServeOptions
    from remembrancer.service.service import SchedulerService
    from remembrancer.surfaces.kept_access import KeptAccess
    from remembrancer.surfaces.network import Network
    from remembrancer.surfaces.otel.prometheus import PrometheusExporter
    from remembrancer.surfaces.rest.server import RestServer
    from remembrancer.surfaces.server import Endpoint, Server

_EXTRA: Final = "pip install 'remembrancer[rest]'"
_OF_THE_EXTRA: Final = frozenset({"fastapi", "starlette", "uvicorn", "websockets"})
_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Serving:
    """One start of `serve`: what its servers are made of.

    Args:
        asked: The options.
        network: The address of the API.
        folder: The graph's folder; None for a graph on a server.
        kept: The password and ports of the last start; None for a graph on a server.
        bolt: The engine's own server; None without one.
        exporter: What gathers for Prometheus; None without `/metrics`.
        token: The secret of the control channel.
    """

    asked: ServeOptions
    network: Network
    folder: Path | None
    kept: KeptAccess | None
    bolt: BoltServer | None
    exporter: PrometheusExporter | None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(_TOKEN_BYTES), repr=False)


@dataclass(frozen=True, slots=True)
class NotServed:
    """A server that is left out, and the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class ServerKind:
    """An entry of the list.

    Args:
        name: As `serve` prints it.
        port: The field of `ServeOptions` that holds its port.
        make: Makes the server, once the graph is open; None where it is not asked for.
        absent: What `serve --json` says where it is not served.
        of_folders: Whether it serves a graph in a folder only.
        opens_graph: Whether it opens the graph, and is made and started before the scheduler.
    """

    name: str
    port: str
    make: Callable[[Serving, SchedulerService], Server | NotServed | None]
    absent: Mapping[str, object]
    of_folders: bool = False
    opens_graph: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """The result of an entry: an endpoint, or the reason why there is none."""

    kind: ServerKind
    endpoint: Endpoint | None
    reason: str | None = None

    @property
    def facts(self) -> Mapping[str, object]:
        """Its facts in `serve --json`."""
        if self.endpoint:
            return self.endpoint.facts
        name = next(iter(self.kind.absent))
        return {**self.kind.absent, **({f"{name}_absent": self.reason} if self.reason else {})}


def check_options(asked: ServeOptions, folder: Path | None) -> Network:
    """Check the options of all servers, before anything is opened, and return where the API listens.

    Raises InvalidInput: an option is wrong, or contradicts another.
    """
    from remembrancer.surfaces.control.address import HAS_UNIX_SOCKETS

    for kind in SERVERS:
        if folder is None and kind.of_folders and (port := getattr(asked, kind.port)):
            allowed = "a port for the graph in a folder; others reach this one on its own server"
            raise InvalidInput(_option(kind), port, allowed, 0)
    if asked.control_port and HAS_UNIX_SOCKETS:
        allowed = "0: on this system other commands reach it through a socket in the graph's folder"
        raise InvalidInput("--control-port", asked.control_port, allowed, 0)
    if asked.bolt_port and not asked.bolt:
        raise InvalidInput("--bolt-port", "--no-bolt", "one of the two: without Bolt it has no meaning", "--bolt-port")
    _refuse_shared_port(asked)
    return _network(asked)


def prepare(asked: ServeOptions, folder: Path | None) -> Serving:
    """Read all that the servers need, before the graph is opened. Raises InvalidInput."""
    from remembrancer.bootstrap import open_bolt
    from remembrancer.surfaces.kept_access import read_access

    network = check_options(asked, folder)
    kept = read_access(folder) if folder is not None else None
    bolt = None
    if folder is not None and kept and asked.bolt:
        bolt = open_bolt(folder, bolt_port=asked.bolt_port or kept.bolt_port or 0, password=kept.bolt_password)
    return Serving(asked, network, folder, kept, bolt, _exporter(asked.metrics_port))


async def start_all(stack: AsyncExitStack, serving: Serving, service: SchedulerService) -> list[Served]:
    """Start the scheduler and every server of the list; *stack* stops them in the opposite order."""
    kinds = [kind for kind in SERVERS if serving.folder is not None or not kind.of_folders]
    first = [await _start(stack, kind, serving, service) for kind in kinds if kind.opens_graph]
    stack.push_async_callback(service.stop)
    await until_it_answers(service.start)
    others = [await _start(stack, kind, serving, service) for kind in kinds if not kind.opens_graph]
    return [*others, *first]


async def _start(stack: AsyncExitStack, kind: ServerKind, serving: Serving, service: SchedulerService) -> Served:
    """Make and start one server. Raises InvalidInput: it cannot have the port asked for."""
    server = kind.make(serving, service)
    if server is None or isinstance(server, NotServed):
        return Served(kind, None, server.reason if server else None)
    stack.push_async_callback(server.stop)
    try:
        return Served(kind, await server.start())
    except OSError as refused:
        allowed = f"a port that is free and may be taken ({refused.strerror or refused}); 0 is any"
        raise InvalidInput(_option(kind), getattr(serving.asked, kind.port), allowed, 0) from refused


def _option(kind: ServerKind) -> str:
    return f"--{kind.port.replace('_', '-')}"


def _refuse_shared_port(asked: ServeOptions) -> None:
    """Refuse one port for two servers. Raises InvalidInput."""
    taken: dict[int, str] = {}
    for kind in SERVERS:
        port, option = getattr(asked, kind.port), _option(kind)
        if port and taken.setdefault(port, option) != option:
            raise InvalidInput(option, port, f"a port of its own: {taken[port]} has this one", 0)


def _network(asked: ServeOptions) -> Network:
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


def _control(serving: Serving, service: SchedulerService) -> Server | None:
    from remembrancer.surfaces.control.connection_file import FolderIdentity
    from remembrancer.surfaces.control.server import ControlServer

    if serving.folder is None:
        return None
    place = FolderIdentity.of(serving.folder)
    return ControlServer(service, serving.token, port=serving.asked.control_port or None, folder=place)


def _rest(serving: Serving, service: SchedulerService) -> Server | NotServed | None:
    """Return the API's server, at the port of the last start if that is free.

    Where it cannot be imported, the reason; that is an error if the API was asked for.
    """
    from remembrancer.surfaces.kept_access import is_free

    asked, network = serving.asked, serving.network
    wanted = _wanted(asked)
    if asked.rest is False:
        return None
    made = _rest_server()
    if isinstance(made, str):
        if wanted:
            raise InvalidInput(wanted, made, "nothing, while the API cannot be served", _EXTRA)
        return NotServed(made)
    kept = serving.kept.rest_port if serving.kept else None
    port = asked.rest_port or (kept if kept and is_free(kept, network.host) else 0)
    return made(service, network=network, port=port)


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


def _exporter(port: int | None) -> PrometheusExporter | None:
    """Return what gathers for Prometheus, if it was asked for. Raises InvalidInput: its libraries are missing."""
    if port is None:
        return None
    try:
        from remembrancer.surfaces.otel.prometheus import PrometheusExporter
    except ImportError as missing:
        allowed = "nothing, while the extra is not installed: pip install 'remembrancer[prometheus]'"
        raise InvalidInput("--metrics-port", str(missing), allowed, "9464") from missing
    return PrometheusExporter()


def _metrics(serving: Serving, service: SchedulerService) -> Server | None:
    if serving.exporter is None:
        return None
    from remembrancer.surfaces.otel.prometheus import MetricsServer

    return MetricsServer(serving.exporter, service, serving.asked.metrics_port or 0)


class _Bolt:
    """The engine's own server, which opens the graph, as one of the list.

    Args:
        bolt: The engine's server.
        folder: The graph's folder.
    """

    name = "read it"

    def __init__(self, bolt: BoltServer, folder: Path) -> None:
        self._bolt = bolt
        self._folder = folder

    async def start(self) -> Endpoint:
        """Open the graph and listen. Raises GraphUnavailable."""
        from remembrancer.surfaces.server import Endpoint

        at = await asyncio.to_thread(self._bolt.start)
        access = {"bolt_port": at.bolt_port, "bolt_user": at.user, "bolt_password": at.password}
        note = f"user: {at.user}  password: bolt_password in {self._folder / 'serve.json'}"
        return Endpoint(at.uri, at.bolt_port, note=note, facts={"bolt": at.uri}, access=access)

    async def stop(self) -> None:
        """Listen no longer, and close the graph."""
        if self._bolt.address:
            await self._bolt.close()


def _bolt(serving: Serving, _: SchedulerService) -> Server | None:
    return _Bolt(serving.bolt, serving.folder) if serving.bolt and serving.folder is not None else None


SERVERS: Final[list[ServerKind]] = [
    ServerKind("control", "control_port", _control, {"control": None}, of_folders=True),
    ServerKind("api", "rest_port", _rest, {"rest": None, "rest_absent": None}),
    ServerKind("metrics", "metrics_port", _metrics, {"metrics_port": None}),
    ServerKind("read it", "bolt_port", _bolt, {"bolt": None}, of_folders=True, opens_graph=True),
]
"""The servers in the order of their start and of their lines; one that opens the graph starts first of all."""
