"""Engines that keep graphs: one table, by the scheme of a graph's URI; a folder is the embedded engine's."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, cast

from remembrancer.errors import DriverNotInstalled, GraphNotFound, GraphUnavailable, InvalidInput
from remembrancer.stores.commits.connection import GraphConnection
from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer.stores.embedded.connection import EmbeddedConnection
from remembrancer.stores.embedded.files.directory import OpenDirectory, close_folder, database_path, open_folder
from remembrancer.stores.embedded.files.temporary import open_temporary, remove
from remembrancer.stores.embedded.migrations import upgrade_embedded
from remembrancer.stores.embedded.threads import on_own_thread
from remembrancer.stores.migrations import OpenMode
from remembrancer.stores.neo4j.address import SCHEMES, Address, is_address, read_address, without_secrets
from remembrancer.stores.neo4j.migrations import neo4j_schema

IN_MEMORY: Final = ":memory:"
EMBEDDED: Final = "embedded"
"""The counter of a graph in a folder, where one process counts at a time."""
_READ_ONLY: Final = frozenset({OpenMode.COPY_SOURCE, OpenMode.INSPECT, OpenMode.CHECK})


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one graph, and the way to open it.

    Args:
        name: As messages show it, without secrets; the same place has the same name.
        open: Opens the graph, its schema brought up to date if the mode allows. Raises GraphUnavailable.
        folder: The folder of an embedded graph; None for another one.
    """

    name: str
    open: Callable[[OpenMode], Awaitable[GraphConnection]]
    folder: Path | None = None

    def __str__(self) -> str:
        """Return the name."""
        return self.name

    @asynccontextmanager
    async def opened(self, use: OpenMode) -> AsyncGenerator[GraphConnection]:
        """Give the graph, open for what is done to all of it."""
        session = await self.open(use)
        try:
            yield session
        finally:
            await session.close()


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine.

    Args:
        place: Reads a graph's name. Raises InvalidInput.
        schema: Returns the statements that make the schema, for an administrator; none where the engine needs none.
    """

    place: Callable[[str], Place]
    schema: Callable[[], list[str]]


def find_place(graph: str | Path, field: str = "db_path") -> Place:
    """Return the place of a graph, a folder as it is written. Raises InvalidInput."""
    if str(graph) == IN_MEMORY:
        raise InvalidInput(field, graph, "a graph that stays: a folder or a URI", "./agent-memory")
    if isinstance(cast("object", graph), str) and is_address(str(graph)):
        scheme = str(graph).strip().partition(":")[0].lower()
        return ENGINES.get(scheme, _NEO4J).place(str(graph))  # of another scheme, it says which there are
    return in_folder(read_folder(graph))


def same_place(graph: str | Path, field: str) -> Place:
    """Return the place of a graph, by whatever path it is named. Raises InvalidInput."""
    found = find_place(graph, field)
    return found if found.folder is None else in_folder(found.folder.resolve())


def in_folder(folder: Path) -> Place:
    """Return the place of the embedded graph in *folder*."""
    return Place(str(folder), partial(open_embedded, folder), folder)


def read_folder(graph: str | Path) -> Path:
    """Return the folder that *graph* names. Raises InvalidInput for a URI, an empty name, a bad value."""
    allowed = f'a folder (made if it is not there yet), ":memory:", or a URI ({", ".join(filter(None, ENGINES))})'
    if not isinstance(cast("object", graph), str | Path) or not str(graph).strip() or "\0" in str(graph):
        raise InvalidInput("db_path", graph, allowed, "./agent-memory")
    if is_address(str(graph)):
        allowed = "a folder: only an embedded graph is served over Bolt"
        raise InvalidInput("db_path", without_secrets(str(graph)), allowed, "./agent-memory")
    return Path(graph).expanduser()


async def open_embedded(
    folder: Path, use: OpenMode, opened: Callable[[], OpenDirectory] | None = None
) -> GraphConnection:
    """Open the graph in *folder*; *opened* does that in place of the ordinary way. Raises GraphUnavailable."""

    def work() -> OpenDirectory:
        if use in _READ_ONLY and not database_path(folder).is_dir():
            raise GraphNotFound(f"There is no graph {folder}.")
        found = opened() if opened else open_folder(load_engine(), folder, read_only=use is OpenMode.INSPECT)
        return _upgrade(found, folder, use)

    return EmbeddedConnection(await on_own_thread(work), EMBEDDED)


async def open_in_memory() -> GraphConnection:
    """Open a graph in a folder of its own that goes when it is closed."""
    opened, folder = await on_own_thread(lambda: open_temporary(load_engine()))
    await on_own_thread(lambda: _upgrade(opened, folder, OpenMode.SERVE))
    return EmbeddedConnection(opened, EMBEDDED, durable=False, on_close=lambda: remove(folder))


def _upgrade(opened: OpenDirectory, folder: Path, use: OpenMode) -> OpenDirectory:
    try:
        upgrade_embedded(opened.database, folder, use)
    except GraphUnavailable:
        close_folder(opened)  # or this process would hold what it has just refused
        raise
    return opened


def _on_neo4j(graph: str) -> Place:
    address = read_address(graph, os.environ)
    return Place(str(address), partial(_open_on_neo4j, address))


async def _open_on_neo4j(address: Address, use: OpenMode) -> GraphConnection:
    try:
        from remembrancer.stores.neo4j.connection import open_neo4j  # noqa: PLC0415 (loads the driver, which is an extra)
    except ImportError as missing:
        raise DriverNotInstalled(
            f"The graph {address} is on a Neo4j server, and its driver is not installed. "
            "Install it: pip install 'remembrancer[neo4j]'"
        ) from missing
    return await open_neo4j(address, use)


_NEO4J: Final = Engine(_on_neo4j, neo4j_schema)
ENGINES: Final[Mapping[str, Engine]] = {
    "": Engine(lambda graph: in_folder(read_folder(graph)), list),
    **dict.fromkeys(SCHEMES, _NEO4J),
}
"""The engines by scheme; the empty one is a folder."""
