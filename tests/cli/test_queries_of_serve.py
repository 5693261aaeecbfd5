"""`serve` beside queries of others: it fires, tells the truth, and ends when it is told to."""

from __future__ import annotations

import json
import signal
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Serve, Serving, Terminal, Until

pytestmark = pytest.mark.slow
IN_ROWS = "UNWIND range(1,1000000) AS a UNWIND range(1,1000000) AS b WITH a,b WHERE a*b=-1 RETURN count(*)"
IN_SLOW_ROWS = (
    "UNWIND range(1,400000) AS x WITH collect(x) AS l UNWIND l AS x WITH x, l WHERE any(y IN l WHERE x*y=-1) "
    "RETURN count(*)"
)


def post(serving: Serving, token: str, query: str) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{serving.beacon['rest_port']}/v1/scheduler/cypher",
        json.dumps({"query": query}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


@pytest.mark.parametrize("query", [IN_ROWS, IN_SLOW_ROWS])
def test_serve_ends_in_order_beside_a_query_without_end(
    terminal: Terminal, serve: Serve, until: Until, query: str
) -> None:
    serving = serve("--query-seconds", "60")
    token = terminal.json("token", "create", "--name", "op", "--scope", "admin")["token"]
    told: list[int] = []

    def ask() -> None:
        told.append(post(serving, token, query)[0])

    asking = [threading.Thread(target=ask, daemon=True) for _ in range(2)]
    for each in asking:
        each.start()
    terminal("schedule", "Tea", "--prompt", "x", "--in", "1s")
    until(lambda: terminal.json("history"), "a task fires")
    ended = serving.end(signal.SIGTERM)
    for each in asking:
        each.join(60)

    assert ended.code == 0, ended
    assert told == [503, 503]


def test_the_limits_of_a_query_are_options_of_serve(terminal: Terminal, serve: Serve) -> None:
    serving = serve("--query-rows", "10", "--query-seconds", "2")
    token = terminal.json("token", "create", "--name", "op", "--scope", "admin")["token"]
    long, many = post(serving, token, IN_ROWS), post(serving, token, "UNWIND range(1,11) AS x RETURN x")
    by_command = terminal("cypher", "UNWIND range(1,11) AS x RETURN x", "--json")
    ended = serving.end(signal.SIGTERM)

    assert (long[0], many[0], by_command.code) == (422, 422, 2)
    assert "2 seconds" in long[1]["detail"]
    assert "10 rows" in many[1]["detail"]
    assert "10 rows" in by_command.err
    assert ended.code == 0


def test_a_command_reads_no_files_without_a_scheduler(terminal: Terminal) -> None:
    terminal("schedule", "Tea", "--prompt", "x", "--cron", "0 9 * * *")
    (terminal.folder / "secret.csv").write_text("hunter2\n")
    ran = terminal("cypher", f"LOAD CSV FROM '{(terminal.folder / 'secret.csv').as_uri()}' AS l RETURN l")

    assert ran.code != 0
    assert "LOAD CSV" in ran.err
    assert "hunter2" not in ran.out + ran.err
