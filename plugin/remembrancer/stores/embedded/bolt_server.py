"""The live embedded graph over Bolt, read-only, for the `neo4j` driver and Neo4j Browser.

The engine's own server runs in this process and owns the open database; the scheduler's store uses the same database,
since a folder can be open only once. The server's root password stays private: clients connect as a user of one
group, which may only read records.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import secrets
import socket
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from remembrancer.errors import GraphUnavailable
from remembrancer.model.query_limits import LONGEST_SECONDS
from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer.stores.embedded.files.directory import (
    DATABASE,
    OpenDirectory,
    database_path,
    lock_folder,
    open_database,
)
from remembrancer.stores.embedded.sockets import close_port
from remembrancer.stores.embedded.threads import on_own_thread
from remembrancer.stores.private_files import PRIVATE_FILE, make_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from remembrancer.stores.embedded.arcadedb import Database
    from remembrancer.stores.embedded.files.directory_lock import DirectoryLock

_LOG: Final = logging.getLogger("remembrancer")
HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class BoltAddress:
    """The address of the graph's Bolt server, and its credentials."""

    host: str
    bolt_port: int
    user: str
    password: str = field(repr=False)

    @property
    def uri(self) -> str:
        """The URI for a driver."""
        return f"bolt://{self.host}:{self.bolt_port}"


class _Engine(Protocol):
    """The part of the engine's untyped server that is used here."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def get_database(self, name: str) -> Database: ...


class BoltServer:
    """Serves the graph in *folder* on loopback ports.

    Args:
        folder: The graph's folder; its databases are in `databases`, the server's users in `config`.
        bolt_port: 0 takes a free one.
        password: The reader's password; None generates one at each start.
    """

    def __init__(self, folder: Path, *, bolt_port: int = 0, password: str | None = None) -> None:
        self._folder = folder.absolute()
        self._password = password
        self._wanted = bolt_port
        self._engine: _Engine | None = None
        self._lock: DirectoryLock | None = None
        self.address: BoltAddress | None = None
        """None unless it runs."""

    def start(self) -> BoltAddress:
        """Start the engine's server, which opens the graph; return its address.

        Raises:
            GraphUnavailable: Any error of `open_folder`; also, a port is taken.
        """
        with ExitStack() as undo:
            self._lock = lock_folder(self._folder)
            undo.callback(self.stop)
            # Open it in the usual way first: this creates a missing graph, and raises this package's errors.
            open_database(load_engine(), self._folder).close()
            self._lock.watch(database_path(self._folder))
            self._write_groups()
            root_password = secrets.token_urlsafe(_PASSWORD_BYTES)
            bolt_port, http_port = self._listen(root_password)
            password = self._password or secrets.token_urlsafe(_PASSWORD_BYTES)
            address = BoltAddress(HOST, bolt_port, _READER, password)
            _admit_reader(address, http_port, root_password)
            self._close_http(http_port)
            undo.pop_all()
        self.address = address
        return address

    def open_folder(self) -> OpenDirectory:
        """Return the served graph; `stop` closes it.

        Calls to its database may come from any thread; a transaction stays on the thread that began it.
        """
        if self._engine is None or self._lock is None:
            raise GraphUnavailable("The Bolt server is not running: call start() first.")
        return OpenDirectory(self._engine.get_database(DATABASE), self._lock, served=True)

    async def close(self) -> None:
        """Stop as `stop` does, with a time limit: a query over Bolt or a disk operation may hang."""
        try:
            await on_own_thread(self.stop, seconds=_STOP_SECONDS)
        except TimeoutError:
            _LOG.error(
                "The Bolt server of %s did not stop within %g s; the graph stays locked until this process ends.",
                self._folder,
                _STOP_SECONDS,
            )

    def stop(self) -> None:
        """Stop listening, close the database, and release the folder.

        If the folder was replaced, the engine would write into the new one: then nothing is closed, and the server
        ends with the process.
        """
        engine, self._engine, self.address = self._engine, None, None
        lock, self._lock = self._lock, None
        if lock is not None and lock.is_lost and database_path(self._folder).exists():
            lock.leave_open()
            return
        if engine is not None:
            try:
                engine.stop()
            except load_engine().ArcadeDBError as error:
                _LOG.warning("The Bolt server of %s did not stop cleanly: %s", self._folder, error)
        if lock is not None:
            lock.files.tighten()
            lock.release()

    def _listen(self, root_password: str) -> tuple[int, int]:
        """Start the engine's server; choose other free ports if they were taken in the meantime."""
        for attempt in range(1, _ATTEMPTS + 1):
            bolt_port, http_port = self._wanted or _free_port(), _free_port()
            engine = _engine(self._folder, root_password, bolt_port, http_port)
            try:
                engine.start()
            except load_engine().ArcadeDBError as refusal:
                is_last = attempt == _ATTEMPTS or (self._wanted and _is_taken(self._wanted))
                if is_last or "Unable to listen" not in str(refusal):
                    raise GraphUnavailable(f"The Bolt server cannot start on {self._folder}: {refusal}") from refusal
                continue
            self._engine = engine
            if self._lock is not None:
                self._lock.handles.append(engine)
            return bolt_port, http_port
        raise AssertionError  # the last attempt returns or raises

    def _write_groups(self) -> None:
        """Write the readers' permissions, and remove the last run's users: every run creates its own."""
        config = self._folder / "config"
        for each in (config, self._folder / "log", self._folder / "backups"):  # before the engine creates them
            make_private(each)
        (config / "server-users.jsonl").unlink(missing_ok=True)
        descriptor = os.open(config / "server-groups.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"version": 1, "databases": {"*": {"groups": _GROUPS}}}, file, indent=2)

    def _close_http(self, http_port: int) -> None:
        """Close the engine's HTTP API, which it requires at its start.

        Over HTTP the reader could lock a type against all writes, which is impossible over Bolt.
        """
        if not close_port(http_port):
            _LOG.warning(
                "The engine's own HTTP API, which this system cannot close, listens on port %d of this machine, "
                "in addition to the Bolt server of %s: it accepts the same password.",
                http_port,
                self._folder,
            )


def _admit_reader(address: BoltAddress, http_port: int, root_password: str) -> None:
    """Create the reader over HTTP, which is the only way."""
    user = {"name": address.user, "password": address.password, "databases": {DATABASE: [_READERS]}}
    key = base64.b64encode(f"root:{root_password}".encode()).decode()
    headers = {"Authorization": f"Basic {key}", "Content-Type": "application/json"}
    connection = HTTPConnection(address.host, http_port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request(
            "POST", "/api/v1/server", json.dumps({"command": f"create user {json.dumps(user)}"}), headers
        )
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace")
    except (OSError, HTTPException) as end:
        raise GraphUnavailable(f"The Bolt server does not respond on port {http_port}: {end}") from end
    finally:
        connection.close()
    if answer.status != _OK:
        raise GraphUnavailable(f"The Bolt server refused to create its read-only user: {said}")


def _engine(folder: Path, root_password: str, bolt_port: int, http_port: int) -> _Engine:
    load_engine()
    settings: dict[str, object] = {
        "host": HOST,
        "http_port": http_port,
        "bolt_host": HOST,
        "bolt_port": bolt_port,
        "bolt_defaultDatabase": DATABASE,
        "mode": "production",
        "server_plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
    }
    make = cast("Callable[[str, str, dict[str, object]], _Engine]", import_module("arcadedb.server").ArcadeDBServer)
    return make(str(folder), root_password, settings)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


_READER: Final = "reader"
_READERS: Final = "readers"
_PASSWORD_BYTES: Final = 18
_ATTEMPTS: Final = 5
_TIMEOUT_SECONDS: Final = 10
_STOP_SECONDS: Final = 20.0
_OK: Final = 200
_UNLIMITED: Final[dict[str, object]] = {"resultSetLimit": -1, "readTimeout": -1}
_GROUPS: Final[dict[str, object]] = {
    "admin": {
        "access": ["updateSecurity", "updateSchema", "updateDatabaseSettings"],
        "types": {"*": {"access": ["createRecord", "readRecord", "updateRecord", "deleteRecord"]}},
        **_UNLIMITED,
    },
    _READERS: {
        "access": [],
        "types": {"*": {"access": ["readRecord"]}},
        "resultSetLimit": -1,
        "readTimeout": int(LONGEST_SECONDS * 1000),
    },
}
