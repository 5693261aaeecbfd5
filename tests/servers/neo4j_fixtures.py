"""The tests' Neo4j: started when the first test asks for it, wiped between tests, and never missing unnoticed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from neo4j_jars import CannotStart
from neo4j_server import find_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neo4j_server import Server

REQUIRED = os.environ.get("REMEMBRANCER_REQUIRE_NEO4J") == "1"
_told: dict[str, str] = {}
"""What the closing lines say: `origin` of the server that was used, or what was `lacking`."""


@pytest.fixture(scope="session")
def neo4j_session(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The one server of this session, with whatever the last test left."""

    def say(text: str) -> None:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n· {text}", flush=True)  # noqa: T201 (half a minute of silence is too long)

    try:
        server = find_server(say)
    except CannotStart as cannot:
        _told["lacking"] = str(cannot)
        if REQUIRED:
            pytest.fail(f"REMEMBRANCER_REQUIRE_NEO4J=1, and no Neo4j can be had: {cannot}", pytrace=False)
        pytest.skip(f"NOT TESTED: no Neo4j can be had: {cannot}")
    _told["origin"] = server.origin
    yield server
    server.wipe()
    server.close()


@pytest.fixture
def neo4j_server(neo4j_session: Server) -> Server:
    """A real Neo4j that holds nothing of ours."""
    neo4j_session.wipe()
    return neo4j_session


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what needs the server first: of workers side by side, one has all of it, and one server is warm for all.

    A server costs 10 processor seconds to start, and as many again until it has planned every query once. Of the tests
    of a worker, others take the last ones.
    """
    items.sort(key=lambda item: item.get_closest_marker("neo4j") is None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Hand what this worker has to tell to the process that prints it, where tests run side by side."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["neo4j"] = _told
    yield


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker had to tell."""
    _told.update(getattr(node, "workeroutput", {}).get("neo4j", {}))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say it last of all, where it cannot be overlooked."""
    yield
    if origin := _told.get("origin"):
        terminalreporter.write_line(f"Neo4j tested: {origin}")
    elif lacking := _told.get("lacking"):
        terminalreporter.section("NEO4J WAS NOT TESTED", sep="!", red=True, bold=True)
        terminalreporter.write_line(f"No Neo4j can be had here: {lacking}.")
        terminalreporter.write_line("The store for production was not tested at all. Install Java 17 and Maven, or")
        terminalreporter.write_line(
            "Docker, or set NEO4J_URI (with NEO4J_USER and NEO4J_PASSWORD) to an empty database."
        )
        terminalreporter.section("NEO4J WAS NOT TESTED", sep="!", red=True, bold=True)
