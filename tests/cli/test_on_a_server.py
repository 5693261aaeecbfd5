"""`remembrancer serve` on a Neo4j server: others reach the graph, not the process."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from neo4j_server import Server

    from conftest import Serve, Terminal, Until

pytestmark = pytest.mark.neo4j


@pytest.fixture
def terminal(terminal: Terminal, neo4j_server: Server) -> Terminal:
    return replace(terminal, graph=neo4j_server.graph)


@pytest.mark.parametrize("option", ["--bolt-port", "--control-port"])
def test_a_port_that_only_a_folder_needs_is_refused(terminal: Terminal, option: str) -> None:
    refused = terminal.apart("serve", option, "7999")

    assert refused.code == 2
    assert f"{option} value 7999 allowed a port for the graph in a folder" in " ".join(refused.err.split())


def test_several_serve_one_graph_and_status_names_them(
    terminal: Terminal, serve: Serve, until: Until, neo4j_server: Server
) -> None:
    assert "It fires while" in terminal("schedule", "Later", "--in", "1h", "--prompt", "later").out
    first, second = serve(), serve()
    assert (first.beacon["others"], second.beacon["others"]) == (0, 1)
    reply = terminal.json("schedule", "Call Ada", "--in", "0.3s", "--prompt", "call ada")
    until(lambda: [e for e in terminal.json("history") if e["status"] == "completed"], "the task's completion")

    told = terminal("status")
    assert told.out.startswith(f"{neo4j_server.uri}")
    assert "2 schedulers run on this graph" in told.out
    assert all(str(each.beacon["replica_id"]) in told.out for each in (first, second))
    assert neo4j_server.password not in told.out + str(first.beacon)
    assert "It fires while" not in terminal("schedule", "Later", "--in", "1h", "--prompt", "later").out
    for serving in (first, second):
        assert (ended := serving.end(signal.SIGINT)).code == 0, ended
    assert terminal.json("status")["replication"]["replicas"] == []
    assert [each["task_id"] for each in terminal.json("history")] == [reply["task_id"]]
