"""A user's query reads the graph and nothing else, within its limits, and holds up nothing, on both engines."""

from __future__ import annotations

import asyncio
import http.server
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.errors import GraphUnavailable, InvalidInput
from remembrancer.stores.graph import bundle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from remembrancer import Firing

GENEROUS = 90
ENDLESS = "UNWIND range(1,1000000) AS a UNWIND range(1,1000000) AS b WITH a,b WHERE a*b=-1 RETURN count(*)"
IN_ONE_EXPRESSION = "RETURN size([x IN range(1,1000000) WHERE any(y IN range(1,1000000) WHERE x*y=-1)]) AS n"
SMALL = SchedulerOptions(check_interval_seconds=3600, query_seconds=60, query_rows=5000, query_bytes=200_000)


@pytest.fixture(params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def graph(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "embedded":
        return str(tmp_path / "graph")
    return request.getfixturevalue("neo4j_server").graph


@pytest.fixture
async def service(graph: str) -> AsyncIterator[TaskSchedulerService]:
    async with TaskSchedulerService(graph, options=SMALL, check_interval_seconds=3600) as service:
        yield service


@pytest.fixture
def asked_for() -> Iterator[list[str]]:
    """What an address on this machine was asked for."""
    paths: list[str] = []

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a,b\n")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    paths.append(f"http://127.0.0.1:{server.server_address[1]}/secret.csv")
    yield paths
    server.shutdown()
    server.server_close()


async def test_a_query_reads_neither_files_nor_addresses(
    service: TaskSchedulerService, tmp_path: Path, asked_for: list[str]
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("hunter2\n")
    for place in (secret.as_uri(), asked_for[0]):
        for query in (
            f"LOAD CSV FROM '{place}' AS l RETURN l",
            f"MATCH (n) CALL {{ load/**/csv FROM '{place}' AS l RETURN l }} RETURN l",
        ):
            with pytest.raises(InvalidInput, match="LOAD CSV") as refused:
                await service.cypher(query)
            assert "hunter2" not in str(refused.value)

    assert len(asked_for) == 1


async def test_the_embedded_engine_itself_reads_no_files(
    tmp_path: Path, asked_for: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.csv").write_text("hunter2\n")
    monkeypatch.setattr(bundle, "refuse_powers", lambda _: None)
    async with TaskSchedulerService(tmp_path / "graph") as service:
        for place in ((tmp_path / "secret.csv").as_uri(), asked_for[0]):
            with pytest.raises(InvalidInput, match="disabled"):
                await service.cypher(f"LOAD CSV FROM '{place}' AS l RETURN l")

    assert len(asked_for) == 1


def test_the_engine_arguments_of_a_user_open_no_files(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("hunter2\n")
    program = (
        "import asyncio, sys\n"
        "from remembrancer import TaskSchedulerService\n"
        "from remembrancer.stores.graph import bundle\n"
        "bundle.refuse_powers = lambda _: None\n"
        "async def day():\n"
        "    async with TaskSchedulerService(sys.argv[1]) as service:\n"
        "        print(await service.cypher(f\"LOAD CSV FROM '{sys.argv[2]}' AS l RETURN l\"))\n"
        "asyncio.run(day())\n"
    )
    theirs = "-Xmx300m -Darcadedb.opencypher.loadCsv.allowFileUrls=true"
    asked = [sys.executable, "-c", program, str(tmp_path / "graph"), (tmp_path / "secret.csv").as_uri()]
    answer = subprocess.run(
        asked,
        check=False,
        capture_output=True,
        text=True,
        timeout=GENEROUS,
        env={**os.environ, "ARCADEDB_NATIVE_ISOLATE_ARGS": theirs},
    )

    assert "disabled" in answer.stderr
    assert "hunter2" not in answer.stdout


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("RETURN 1/0 AS x", "by zero"),
        ("RETURN $missing AS x", "missing"),
        ("MATCH (t:scheduled_task RETURN t", r"line 1"),
        ("RETURN date('x') AS d", "x"),
        ("RETURN toInteger({}) AS d", "toInteger|type"),
        ("MATCH (n) RETURN m", "m"),
        ("RETURN closed", "closed"),
        ("RETURN IOException AS x", "IOException"),
        ("RETURN LockException + RecordNotFoundException", "Lock"),
    ],
)
async def test_a_faulty_query_is_the_fault_of_its_caller(service: TaskSchedulerService, query: str, said: str) -> None:
    before = service._graph()._connection.pending_counts._waiting.copy()
    with pytest.raises(InvalidInput, match=said):
        await service.cypher(query)

    assert service._graph()._connection.pending_counts._waiting == before


async def test_half_a_character_is_answered_as_such(service: TaskSchedulerService) -> None:
    (row,) = await service.cypher(r"RETURN 'a' + '\uD800' AS x")

    assert row["x"] in {"a\N{REPLACEMENT CHARACTER}", "a?"}


async def test_an_answer_of_too_many_rows_is_refused(service: TaskSchedulerService) -> None:
    with pytest.raises(InvalidInput, match=r"5,000 rows .*query_rows"):
        await service.cypher("UNWIND range(1,1000000) AS x RETURN x")
    assert len(await service.cypher("UNWIND range(1,5000) AS x RETURN x")) == 5000


@pytest.mark.parametrize(
    "query", ["RETURN range(1,500000) AS x", "UNWIND range(1,4000) AS x RETURN toString(x) + $text AS t"]
)
async def test_an_answer_of_too_many_bytes_is_refused(service: TaskSchedulerService, query: str) -> None:
    with pytest.raises(InvalidInput, match=r"200,000 bytes .*query_bytes"):
        await service.cypher(query, {"text": "x" * 1000})


async def test_a_query_without_end_is_refused_at_its_limit(graph: str) -> None:
    async with TaskSchedulerService(graph, options=SchedulerOptions(query_seconds=3)) as service:
        with pytest.raises(InvalidInput, match=r"at most 3 seconds .*query_seconds"):
            await asyncio.wait_for(service.cypher(ENDLESS), GENEROUS)
        assert await service.is_healthy()


async def test_tasks_fire_beside_queries_that_nothing_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "refuse_powers", lambda _: None)  # as if such a query had passed it
    fired: asyncio.Queue[Firing] = asyncio.Queue()
    service = TaskSchedulerService(tmp_path, handler=fired.put, options=SchedulerOptions(query_seconds=60))
    await service.start()
    asked = [asyncio.create_task(service.cypher(IN_ONE_EXPRESSION)) for _ in range(6)]
    await service.schedule_task("each", "goal", "prompt", "thought", schedule_cron="* * * * * *", seconds_field="first")
    async with asyncio.timeout(GENEROUS):
        for _ in range(3):
            await fired.get()
    assert await service.is_healthy()
    assert not any(each.done() for each in asked)
    assert await service.history(limit=1), "lists have turns of their own"
    async with asyncio.timeout(GENEROUS):
        await service.stop()
        answers = await asyncio.gather(*asked, return_exceptions=True)

    assert all(isinstance(each, GraphUnavailable) for each in answers), answers
