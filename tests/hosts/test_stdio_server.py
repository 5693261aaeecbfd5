"""`remembrancer mcp`: the real command, started by a host and spoken to over its stdin and stdout."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from hosts import HOST, YES, Human, call, refusal, started_host
from remembrancer import TaskSchedulerService

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp import Client
    from neo4j_server import Server

SECONDS = 120
HANDLER = """
print("loud at import")

async def handle(firing):
    print("loud in a handler")
    return "by hand"
"""
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "a-host", "version": "1"},
    },
}


async def until(look: Callable[[], Any], what: str) -> Any:
    """Return the first true answer of a coroutine function, or of a function."""
    async with asyncio.timeout(SECONDS):
        while True:
            found = look()
            if found := (await found if asyncio.iscoroutine(found) else found):
                return found
            await asyncio.sleep(0.05)
    pytest.fail(what)


def servers() -> list[psutil.Process]:
    """Return the servers that hosts of this test have started."""
    return [each for each in psutil.Process().children(recursive=True) if "mcp" in each.cmdline()]


async def answers(client: Client) -> bool:
    """Return whether the scheduler has started: on a busy machine, that takes longer than a call may wait for it."""
    return not (await client.call_tool("status", {})).is_error


def completed(client: Client, task_id: str) -> Callable[[], Any]:
    async def look() -> Any:
        found = (await call(client, "history", task_id=task_id))["result"]
        return [each for each in found if each["status"] == "completed"]

    return look


async def test_started_alone_it_fires(tmp_path: Path) -> None:
    """Nothing but the protocol reaches the host, though the handler prints."""
    (tmp_path / "loud.py").write_text(HANDLER, "utf-8")
    words = ("--serve", "--handler", "loud:handle")
    async with started_host(tmp_path / "graph", *words, folder=tmp_path) as client:
        made = await call(client, "schedule", name="Tea", trigger_prompt="p", defer_until="in 0.2s")
        assert "warnings" not in made
        [execution] = await until(completed(client, made["task_id"]), "the task's completion")
        assert (execution["result"], (await call(client, "status"))["is_healthy"]) == ("by hand", True)
    async with TaskSchedulerService(tmp_path / "graph") as service:  # the server has let go of the folder
        [change, *_] = await service.audit_entries(made["task_id"])
        assert (change.surface, change.actor) == ("mcp", HOST.name)


async def test_without_a_scheduler_it_says_so(tmp_path: Path) -> None:
    async with started_host(tmp_path / "graph") as client:
        assert await call(client, "tasks") == {"tasks": []}
        made = await call(client, "schedule", name="Tea", trigger_prompt="p", defer_until="in 1h")
        assert "Nothing fires at present" in made["warnings"][0]
        async with TaskSchedulerService(tmp_path / "graph") as service:  # it holds the folder during calls only
            assert [each.task_id for each in await service.get_scheduled_tasks()] == [made["task_id"]]


async def test_scheduler_that_runs_is_asked(tmp_path: Path) -> None:
    """A second server finds the first, and takes over when it is killed."""
    graph = tmp_path / "graph"
    async with started_host(graph, "--serve") as second_to_none:
        made = await call(second_to_none, "schedule", name="Tea", trigger_prompt="p", defer_until="in 1h")
        [first] = servers()
        async with started_host(graph, "--serve", human=Human(YES)) as client, started_host(graph) as third:
            status = await call(client, "status")
            assert [each["pid"] for each in status["replication"]["replicas"]] == [first.pid]
            assert "warnings" not in await call(third, "defer", task_id=made["task_id"], until="in 2h", reason="busy")
            first.kill()

            async def taken_over() -> bool:
                answer = await client.call_tool("status", {})
                found: Any = answer.structured_content
                pids = [] if answer.is_error else [each["pid"] for each in found["replication"].get("replicas", [])]
                return any(pid != first.pid for pid in pids)

            await until(taken_over, "another server running the scheduler")
            assert (await call(third, "run_now", task_id=made["task_id"]))["task_id"] == made["task_id"]
            assert await call(client, "cancel", task_id=made["task_id"]) == {"ended": True}


@pytest.mark.neo4j
@pytest.mark.parametrize("words", [["--serve"], []])
async def test_graph_on_a_server(neo4j_server: Server, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async with started_host(neo4j_server.graph, *words) as client:
        await until(partial(answers, client), "its start")
        made = await call(client, "schedule", name="Tea", trigger_prompt="p", defer_until="in 0.2s")
        if words:
            await until(completed(client, made["task_id"]), "the task's completion")
        else:
            assert "Nothing fires at present" in made["warnings"][0]
            async with TaskSchedulerService(neo4j_server.graph):
                await until(completed(client, made["task_id"]), "the task's completion")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """Though its stdin is open, and a read of it under way."""
    graph = tmp_path / "graph"
    command = [sys.executable, "-m", "remembrancer", "mcp", "--serve", "-g", str(graph)]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
    assert json.loads(await process.stdout.readline())["result"]["serverInfo"]["name"] == "remembrancer"
    await until((graph / "serve.json").exists, "its start")
    process.send_signal(number)
    assert (await process.wait(), await process.stdout.read()) == (0, b"")
    process.stdin.close()
    assert not (graph / "serve.json").exists()


async def test_host_that_dies_ends_it(tmp_path: Path) -> None:
    """The host is killed: its server sees the end of its stdin, stops in order, and the next one goes on."""
    graph = tmp_path / "graph"
    program = (
        "import asyncio, sys; sys.path.insert(0, sys.argv[2]); from hosts import *\n"
        "async def main():\n"
        "    async with started_host(sys.argv[1], '--serve') as client:\n"
        "        await call(client, 'schedule', name='Tea', trigger_prompt='p', defer_until='in 1s')\n"
        "        print('scheduled', flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    words = [sys.executable, "-c", program, str(graph), str(Path(__file__).parent)]
    dying = await asyncio.create_subprocess_exec(*words, stdout=PIPE)
    assert dying.stdout
    assert (await dying.stdout.readline()).strip() == b"scheduled"
    [server] = [each for each in psutil.Process(dying.pid).children(recursive=True) if "mcp" in each.cmdline()]
    dying.kill()
    await dying.wait()
    await asyncio.to_thread(server.wait, SECONDS)
    async with started_host(graph, "--serve") as client:
        [task] = (await call(client, "tasks"))["tasks"]
        assert await until(completed(client, task["task_id"]), "the task's completion")


async def test_unusable_graph_is_a_refusal_of_tools(tmp_path: Path) -> None:
    (tmp_path / "graph").write_text("no graph", "utf-8")
    for words in ((), ("--serve",)):
        async with started_host(tmp_path / "graph", *words) as client:
            assert (await refusal(client, "tasks")).startswith(("NotAGraph", "GraphNotFound"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--profile", "agnt"], "one of agent, worker, operator"),
        (["--handler", "a:b"], "--serve"),
        (["--run-commands"], "--serve"),
        (["--queue", "two words"], "a word of 1 to"),
        (["-g", ":memory:"], "outlive"),
        (["--serve", "--handler", "nothing"], "a module, a colon and a function"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, words: list[str], said: str) -> None:
    command = [sys.executable, "-m", "remembrancer", "mcp", "-g", str(tmp_path / "graph"), *words]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in " ".join(ended.stderr.split())
    assert not (tmp_path / "graph").exists()


def test_lean_start() -> None:
    """Hosts give a server a few seconds to answer: it imports no engine before, and nothing that it does not use."""
    heavy = [
        "arcadedb",
        "fastapi",
        "neo4j",
        "networkx",
        "matplotlib",
        "pandas",
        "holidays",
        "icalendar",
        "yaml",
        "remembrancer.stores",
    ]
    program = (
        "import sys; from remembrancer.cli.commands import mcp; from remembrancer.surfaces.mcp import server, stdio\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_library_that_is_missing_is_named(tmp_path: Path) -> None:
    program = "import sys; sys.modules['mcp'] = None; from remembrancer.cli import app; app(sys.argv[1:])"
    words = [sys.executable, "-c", program, "mcp", "-g", str(tmp_path / "graph")]
    ended = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "pip install 'remembrancer[mcp]'" in ended.stderr
