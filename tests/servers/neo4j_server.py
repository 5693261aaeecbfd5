"""Where the tests have a real Neo4j from: NEO4J_URI, or Docker, or Maven Central's jars; else it is said loudly."""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import time
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, LiteralString
from urllib.parse import quote

import neo4j
import neo4j_jars
from neo4j.exceptions import DriverError, Neo4jError
from neo4j_jars import CannotStart

from remembrancer_schema.kinds import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[[str], None]

IMAGE = "neo4j:5.26-community"
START_SECONDS = 120
OURS: LiteralString = "|".join(KEYS)
IS_SOMEBODYS: LiteralString = (
    "MATCH (g:remembrancer_graph) WHERE NOT EXISTS { MATCH (:remembrancer_tests) } RETURN count(g) > 0 AS yes"
)


class Unreachable(Exception):
    """The server that NEO4J_URI names cannot be used for tests."""


@dataclass
class Server:
    """A Neo4j for the tests of this session; between tests, what carries a label of ours is deleted."""

    uri: str
    user: str
    password: str = field(repr=False)
    database: str
    origin: str
    """Where it comes from, for the closing lines."""
    remove: Callable[[], None] = lambda: None

    @property
    def graph(self) -> str:
        """What `open_store` and the service take."""
        scheme, _, place = self.uri.partition("://")
        return f"{scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{place}/{self.database}"

    @cached_property
    def driver(self) -> neo4j.Driver:
        """A driver of the tests' own, to look and to spoil."""
        return neo4j.GraphDatabase.driver(
            self.uri, auth=(self.user, self.password), notifications_min_severity="OFF", connection_timeout=5
        )

    def run(self, text: LiteralString, **parameters: object) -> list[dict[str, Any]]:
        """Run a query beside the scheduler."""
        with self.driver.session(database=self.database) as session:
            return session.run(text, parameters).data()

    def wipe(self) -> None:
        """Delete every node of ours, in batches: a thought that a million tasks point at when they are gone."""
        for text in WIPING:
            while self.run(text)[0]["deleted"]:
                pass

    def until_blocked(self) -> None:
        """Return once a transaction waits for the lock of another."""
        give_up = time.monotonic() + START_SECONDS
        while not self.run("SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked' RETURN status"):
            if time.monotonic() > give_up:
                raise TimeoutError(f"no transaction waited for a lock in {START_SECONDS} s")
            time.sleep(0.02)

    def close(self) -> None:
        """Leave the server, and stop it if it was started for us."""
        self.driver.close()
        self.remove()


WIPING: tuple[LiteralString, ...] = tuple(
    f"MATCH (n:{labels}) WITH n LIMIT 5000 DETACH DELETE n RETURN count(n) AS deleted"
    for labels in ("task_execution", "scheduled_task", OURS)
)


def find_server(say: Say) -> Server:
    """Return a server that answers. Raises Unreachable for NEO4J_URI, CannotStart where there is none to be had."""
    if uri := os.environ.get("NEO4J_URI"):
        return _given(uri)
    lacking: list[str] = []
    for kind in (_docker, _jars):
        try:
            return kind(say)
        except CannotStart as cannot:
            lacking.append(str(cannot))
    raise CannotStart("NEO4J_URI is not set; " + "; ".join(lacking))


def _given(uri: str) -> Server:
    user = os.environ.get("NEO4J_USER") or os.environ.get("NEO4J_USERNAME") or "neo4j"
    password = os.environ.get("NEO4J_PASSWORD", "")
    server = Server(uri, user, password, os.environ.get("NEO4J_DATABASE", "neo4j"), "NEO4J_URI")
    try:
        if server.run(IS_SOMEBODYS)[0]["yes"]:
            server.driver.close()
            raise Unreachable("NEO4J_URI names a database that holds somebody's schedule: name an empty one")
        server.run("MERGE (:remembrancer_tests {purpose: 'the tests may delete what Remembrancer keeps here'})")
    except (DriverError, Neo4jError) as error:
        server.driver.close()
        raise Unreachable(f"NEO4J_URI is set, and the server cannot be used: {error}") from error
    return server


def _jars(say: Say) -> Server:
    started = neo4j_jars.begin(say)
    origin = f"Neo4j {neo4j_jars.VERSION} from Maven Central's jars"
    return Server(started.uri, started.user, started.password, "neo4j", origin, started.remove)


def _docker_lacking() -> str | None:
    import docker
    from docker.errors import DockerException

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the client leaks the socket that did not answer
        try:
            docker.from_env(timeout=5).ping()
        except DockerException:
            return "no Docker engine answers"
        finally:
            gc.collect()
    return None


def _docker(say: Say) -> Server:
    if lacking := _docker_lacking():
        raise CannotStart(lacking)
    from docker.errors import DockerException
    from testcontainers.core.container import DockerContainer

    say(f"Starting {IMAGE} in Docker (the first time, it is fetched)")
    password = secrets.token_urlsafe(18)
    container = DockerContainer(IMAGE).with_env("NEO4J_AUTH", f"neo4j/{password}")
    container.with_env("NEO4J_server_memory_heap_max__size", "512m")
    container.with_env("NEO4J_server_memory_pagecache_size", "128m")
    container.ports["7687/tcp"] = ("127.0.0.1", None)  # reachable from this machine only
    try:
        container.start()
    except DockerException as error:
        raise CannotStart(f"Docker does not run {IMAGE}: {error}") from error
    uri = f"bolt://127.0.0.1:{container.get_exposed_port(7687)}"
    server = Server(uri, "neo4j", password, "neo4j", f"{IMAGE} in Docker", container.stop)
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        with contextlib.suppress(DriverError, Neo4jError):
            server.run("RETURN 1")
            return server
        time.sleep(0.5)
    server.close()
    raise CannotStart(f"{IMAGE} did not answer in {START_SECONDS} seconds")
