"""The plugin for Claude Code: its files are what the formats ask for, and what was promised to a session is kept.

Claude Code itself is not here: its parts of the contract are the starting of the server of `.mcp.json`, with its
variables expanded, and of the hook's command by a shell, whose stdout a session then reads.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import typer
from mcp import Client, StdioServerParameters, stdio_client

import remembrancer
from hosts import HOST, call
from remembrancer.cli import app

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "deploy" / "claude-code"
SECONDS = 120
KILLED_WHILE_PRINTING = """
import os, signal, sys
from remembrancer.cli import app
from remembrancer.cli.commands import take
take._print = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
app(sys.argv[1:])
"""


def document(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def expanded(text: str, variables: dict[str, str]) -> str:
    """Expand `${NAME}` and `${NAME:-default}`, as Claude Code does in `.mcp.json`: a default is literal text."""
    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda found: variables.get(found[1], found[2] or found[0]), text)


@dataclass(frozen=True)
class Machine:
    """A user's machine with the command and the plugin installed."""

    home: Path

    @property
    def variables(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("REMEMBRANCER_")}
        path = os.pathsep.join([str(self.home / "bin"), own["PATH"]])
        return own | {"HOME": str(self.home), "PATH": path, "CLAUDE_PLUGIN_ROOT": str(PLUGIN)}

    @asynccontextmanager
    async def session(self, **more: str) -> AsyncGenerator[Client]:
        """Yield a session's connection to the server of `.mcp.json`."""
        [entry] = document(PLUGIN / ".mcp.json")["mcpServers"].values()
        variables = self.variables | more
        words = [expanded(each, variables) for each in entry["args"]]
        command = str(self.home / "bin" / entry["command"])
        server = StdioServerParameters(command=command, args=words, env=variables, cwd=self.home)
        async with Client(stdio_client(server), client_info=HOST) as client:
            yield client

    async def hook(self, **more: str) -> str:
        """Run what Claude Code runs at the start of a session; it is to end well. Return what the session reads.

        A machine that is so busy that the hook gives up loses nothing by it: then the next session begins.
        """
        while "within 20 s" in (shown := await self._hook(more)):
            pass
        return shown

    async def _hook(self, more: dict[str, str]) -> str:
        [group] = document(PLUGIN / "hooks" / "hooks.json")["hooks"]["SessionStart"]
        [each] = group["hooks"]
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", each["command"]),
            env=self.variables | more,
            cwd=self.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate(b'{"hook_event_name": "SessionStart", "source": "startup"}')
        assert (process.returncode, err) == (0, b"")
        return out.decode()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.home / "bin" / "remembrancer", *words],
            env=self.variables | {"REMEMBRANCER_GRAPH": str(self.graph)},
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def graph(self) -> Path:
        return self.home / ".remembrancer"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A home with nothing in it but the command."""
    command = tmp_path / "bin" / "remembrancer"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m remembrancer "$@"\n', "utf-8")
    command.chmod(0o755)
    return Machine(tmp_path)


def servers() -> list[psutil.Process]:
    """Return the servers that this test has started."""
    return [each for each in psutil.Process().children(recursive=True) if "mcp" in each.cmdline()]


async def promise(client: Client, name: str, seconds: float = 1.0) -> float:
    """Schedule a task, as a model does; return the time by which it is due."""
    made = await call(client, "schedule", name=name, trigger_prompt=f"Do {name}", defer_until=f"in {seconds:g}s")
    assert "warnings" not in made
    return time.time() + seconds


async def due(at: float) -> None:
    await asyncio.sleep(max(at - time.time(), 0) + 0.1)


SESSION = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_claude_code import Machine, promise

async def main():
    async with Machine(Path(sys.argv[1])).session() as client:
        for name in sys.argv[3:]:
            await promise(client, name)
        print("promised", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def promised_and_killed(machine: Machine, *names: str) -> None:
    """Schedule tasks in a session, kill its processes (SIGKILL), and let the tasks fall due."""
    words = [sys.executable, "-c", SESSION, str(machine.home), str(Path(__file__).parent), *names]
    host = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
    assert host.stdout
    assert (await host.stdout.readline()).strip() == b"promised"
    at = time.time() + 1.0
    processes = [psutil.Process(host.pid), *psutil.Process(host.pid).children(recursive=True)]
    assert len(processes) > 1
    for each in processes:
        each.kill()
    await host.wait()
    await asyncio.to_thread(psutil.wait_procs, processes[1:], SECONDS)
    await asyncio.sleep(max(at - time.time(), 0) + 0.2)


def executions(machine: Machine) -> list[tuple[str, str]]:
    """Return the status and the result of every execution, newest first."""
    found = json.loads(machine.command("history", "--json").stdout)
    return [(each["status"], each.get("result") or each.get("reason") or "") for each in found]


@pytest.mark.slow
async def test_promise_of_a_killed_session_is_kept_and_shown_once(machine: Machine) -> None:
    assert await machine.hook() == ""  # the first session of all: there is no graph yet
    await promised_and_killed(machine, "Tea")

    shown = await machine.hook()

    assert shown.startswith("1 task came due")
    assert shown.count("Do Tea") == 1
    assert await machine.hook() == ""
    [(status, result)] = executions(machine)
    assert (status, result[:8]) == ("completed", "taken by")


@pytest.mark.slow
async def test_two_sessions_at_once_share_what_came_due(machine: Machine) -> None:
    names = [f"Tea-{number}." for number in range(6)]
    await promised_and_killed(machine, *names)

    both = "".join(await asyncio.gather(machine.hook(), machine.hook()))

    assert "cannot say" not in both
    assert [both.count(f"Do {name}") for name in names] == [1] * len(names)
    assert [status for status, _ in executions(machine)] == ["completed"] * len(names)


@pytest.mark.slow
async def test_session_that_runs_hands_out_what_waits(machine: Machine) -> None:
    """The hook of a second session asks the scheduler of the first; and a session takes work by its own tools."""
    async with machine.session() as client:
        at = await promise(client, "Tea")
        await due(at)
        assert "Do Tea" in await machine.hook()
        at = await promise(client, "Rice")
        claim = await call(client, "claim_work", queues=["claude-code"], worker="me", wait_seconds=30.0)
        [work] = claim["result"]
        await call(client, "complete_work", execution_id=work["execution_id"], worker="me", result="cooked")
        left = await call(client, "schedule", name="Ours", trigger_prompt="p", defer_until="in 1h", queue=None)
        assert "queue" not in await call(client, "task", task_id=left["task_id"])
    assert await machine.hook() == ""


@pytest.mark.slow
async def test_hook_killed_before_it_has_shown_it_loses_nothing(machine: Machine) -> None:
    await promised_and_killed(machine, "Tea")
    words = ["take", "--hook", "--serve", "--queue", "claude-code", "--graph", str(machine.graph)]
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", KILLED_WHILE_PRINTING, *words], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL

    assert "Do Tea" in await machine.hook()
    assert await machine.hook() == ""


def no_folder(graph: Path) -> None:
    graph.write_text("no graph", "utf-8")


def rubbish(graph: Path) -> None:
    graph.mkdir()
    for name in ("schema.json", "configuration.json", "database.lck"):
        (graph / name).write_text("rubbish", "utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("harm", [no_folder, rubbish])
async def test_broken_graph_is_one_line(machine: Machine, harm: Any) -> None:
    harm(machine.graph)

    shown = await machine.hook()

    assert shown.startswith("Remembrancer cannot say what came due. ")
    assert (shown.count("\n"), shown[-1]) == (1, "\n")


async def test_command_that_is_missing_is_one_line(machine: Machine) -> None:
    shell = machine.home / "shell"
    shell.mkdir()
    (shell / "sh").symlink_to("/bin/sh")

    shown = await machine.hook(PATH=str(shell))

    assert "pip install 'remembrancer[mcp]'" in shown
    assert shown.count("\n") == 1


@pytest.mark.slow
async def test_graph_that_does_not_answer_is_given_up(machine: Machine) -> None:
    """A server that hangs (SIGSTOP) holds the graph: the hook ends by itself, in bounded time."""
    async with machine.session() as client:
        await promise(client, "Tea", 3600)
        [server] = servers()
        server.suspend()
        try:
            words = ["take", "--hook", "--serve", "--within", "2", "--queue", "claude-code"]
            ended = await asyncio.to_thread(machine.command, *words)
        finally:
            server.resume()
    assert (ended.returncode, ended.stdout.count("\n")) == (0, 1)
    assert ended.stdout.startswith("Remembrancer cannot say what came due")


def test_take_without_a_scheduler_is_refused(machine: Machine) -> None:
    assert machine.command("schedule", "Tea", "--in", "1h", "--prompt", "p", "--queue", "claude-code").returncode == 0

    refused = machine.command("take", "--queue", "claude-code")

    assert (refused.returncode, refused.stdout) == (4, "")
    assert "--serve" in refused.stderr


def test_graph_is_named_by_one_variable() -> None:
    [entry] = document(PLUGIN / ".mcp.json")["mcpServers"].values()
    named = entry["args"][entry["args"].index("--graph") + 1]

    assert expanded(named, {}) == "~/.remembrancer"
    assert expanded(named, {"REMEMBRANCER_GRAPH": "neo4j://graph.example"}) == "neo4j://graph.example"
    assert "${REMEMBRANCER_GRAPH:-$HOME/.remembrancer}" in (PLUGIN / "hooks" / "session-start.sh").read_text("utf-8")


def test_plugin_is_what_claude_code_reads() -> None:
    manifest, [entry] = (
        document(PLUGIN / ".claude-plugin" / "plugin.json"),
        document(ROOT / ".claude-plugin" / "marketplace.json")["plugins"],
    )

    assert manifest.keys() <= {"name", "version", "description", "author", "license", "keywords"}
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", manifest["name"])
    assert manifest["version"] == remembrancer.__version__
    assert manifest["author"].keys() == {"name"}
    assert entry.keys() <= {"name", "source", "description"}
    assert (ROOT / entry["source"], entry["name"]) == (PLUGIN, manifest["name"])
    assert entry["source"].startswith("./")


def test_hook_is_what_claude_code_reads() -> None:
    hooks = document(PLUGIN / "hooks" / "hooks.json")

    assert hooks.keys() == {"description", "hooks"}
    assert hooks["hooks"].keys() == {"SessionStart"}
    [group] = hooks["hooks"]["SessionStart"]
    assert group.keys() == {"matcher", "hooks"}
    assert set(group["matcher"].split("|")) == {"startup", "resume", "clear", "compact"}
    [each] = group["hooks"]
    assert each["type"] == "command"
    script = (PLUGIN / "hooks" / "session-start.sh").read_text("utf-8")
    [within] = re.findall(r"--within (\d+)", script)
    assert int(within) + 5 < each["timeout"]  # it says so itself, before Claude Code ends it
    assert set(re.findall(r"--[a-z]+", script)) <= options_of("take")


def options_of(command: str) -> set[str]:
    top: Any = typer.main.get_command(app)
    return {option for each in top.commands[command].params for option in each.opts}


def test_entry_of_the_registry_is_valid() -> None:
    """The demands of its schema of 2025-12-11, and of the registry on packages from PyPI."""
    entry = document(ROOT / "server.json")

    assert entry["$schema"] == "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
    assert entry.keys() == {"$schema", "name", "title", "description", "version", "packages"}
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", entry["name"])
    assert 3 <= len(entry["name"]) <= 200
    assert 1 <= len(entry["title"]) <= 100
    assert 1 <= len(entry["description"]) <= 100
    [package] = entry["packages"]
    assert package["registryType"] == "pypi"
    assert package["transport"] == {"type": "stdio"}
    for argument in (*package["runtimeArguments"], *package["packageArguments"]):
        assert argument["type"] in {"named", "positional"}
        assert "name" in argument if argument["type"] == "named" else "value" in argument
    assert {each["name"] for each in package["packageArguments"] if "name" in each} <= options_of("mcp")
    assert [each["name"] for each in package["environmentVariables"]] == ["REMEMBRANCER_GRAPH"]
    # PyPI shows the README, by which the registry knows that the package is its publisher's.
    assert f"<!-- mcp-name: {entry['name']} -->" in (ROOT / "README.md").read_text("utf-8")


def test_entry_of_the_registry_has_the_package_s_version() -> None:
    entry = document(ROOT / "server.json")
    [package] = entry["packages"]
    [argument] = package["runtimeArguments"]

    assert (entry["version"], package["version"]) == (remembrancer.__version__,) * 2
    assert argument["value"] == f"{package['identifier']}[mcp]=={remembrancer.__version__}"
