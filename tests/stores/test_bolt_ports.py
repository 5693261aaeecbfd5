"""A graph served over Bolt: one port listens, and its reader can hold up nothing."""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import neo4j
import pytest
from neo4j.exceptions import Neo4jError

from remembrancer.bootstrap import open_bolt, open_service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import LiteralString

    from remembrancer.stores.embedded.bolt_server import BoltAddress, BoltServer

PATIENCE_SECONDS = 60.0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its ports are read off /proc")


def listening() -> set[int]:
    """Return the ports on which this process listens, as the system tells it."""
    found = (Path(entry) for entry in Path("/proc/self/fd").iterdir())
    ours = {str(each.readlink()) for each in found if each.is_symlink()}
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]
    ]
    return {int(each[1].rpartition(":")[2], 16) for each in lines if each[3] == "0A" and f"socket:[{each[9]}]" in ours}


@pytest.fixture
def before() -> set[int]:
    return listening()


@pytest.fixture
def bolt(tmp_path: Path, before: set[int]) -> Iterator[BoltServer]:
    bolt = open_bolt(tmp_path / "graph")
    bolt.start()
    yield bolt
    bolt.stop()


@pytest.fixture
def address(bolt: BoltServer) -> BoltAddress:
    assert bolt.address
    return bolt.address


def test_a_graph_served_over_bolt_listens_on_one_port(before: set[int], address: BoltAddress) -> None:
    assert listening() - before == {address.bolt_port}


def test_the_ports_are_free_again_after_the_end(tmp_path: Path, before: set[int]) -> None:
    idle = idle_sockets()
    for _ in range(2):
        bolt = open_bolt(tmp_path / "graph")
        bolt.start()
        bolt.stop()

    give_up = time.monotonic() + PATIENCE_SECONDS
    while not listening() <= before and time.monotonic() < give_up:
        time.sleep(0.05)  # the engine closes its port on a thread of its own
    assert listening() <= before
    assert idle_sockets() <= idle


def idle_sockets() -> set[int]:
    return {each for each in range(3, 64) if is_idle_socket(each)}


def is_idle_socket(descriptor: int) -> bool:
    """Whether it is a socket bound to nothing, such as takes the place of a listening one."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as seen:
            return seen.family == socket.AF_INET and seen.getsockname() == ("0.0.0.0", 0)
    except OSError:
        return False


@pytest.mark.parametrize(
    "text",
    [
        "LOCK TYPE scheduled_task",
        "CREATE (:scheduled_task)",
        "CREATE INDEX x FOR (t:scheduled_task) ON (t.name)",
        "LOAD CSV FROM 'file:///etc/hostname' AS l RETURN l",
        "DROP CONSTRAINT x",
        "TERMINATE TRANSACTIONS 'q1'",
        "CREATE USER x SET PASSWORD 'y12345678'",
    ],
)
async def test_the_reader_over_bolt_holds_up_no_write(
    bolt: BoltServer, address: BoltAddress, text: LiteralString, tmp_path: Path
) -> None:
    service = open_service(tmp_path / "graph", opened=bolt.open_folder)
    await service.start()
    driver = neo4j.GraphDatabase.driver(address.uri, auth=(address.user, address.password))
    with driver, driver.session() as session, session.begin_transaction() as held:
        assert held.run("MATCH (t) RETURN count(t) AS n").data()
        told = list(ask(driver, text))
        await service.schedule_task("a", "b", "c", "d", schedule_cron="0 9 * * *")
    await service.stop()

    assert not [each for each in told if each.get("message") != "Transaction not found."]


def ask(driver: neo4j.Driver, text: LiteralString) -> Iterator[dict[str, object]]:
    """Yield what is answered; nothing where it is refused."""
    with driver.session() as session, suppress(Neo4jError):
        yield from session.run(text).data()
