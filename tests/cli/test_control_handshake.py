"""The control channel: both sides prove themselves, and a stranger on its address learns nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from remembrancer import TaskSchedulerService
from remembrancer.surfaces.control import listener
from remembrancer.surfaces.control.client import RemoteScheduler
from remembrancer.surfaces.control.connection_file import ConnectionFile, FolderIdentity, read
from remembrancer.surfaces.control.handshake import LONGEST_LINE, NOT_ADMITTED
from remembrancer.surfaces.control.server import ControlServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from conftest import Serve, Terminal, Until
    from remembrancer.surfaces.server import Endpoint

SECRET = "only the two of us know"
unix = pytest.mark.skipif(sys.platform == "win32", reason="a system with Unix sockets")


@asynccontextmanager
async def served(place: FolderIdentity | None, port: int | None) -> AsyncIterator[tuple[Endpoint, ConnectionFile]]:
    service = TaskSchedulerService(":memory:")
    await service.open()
    control = ControlServer(service, SECRET, port=port, folder=place)
    at = await control.start()
    beacon = ConnectionFile(
        pid=1, host="127.0.0.1", control_socket=at.path, control_port=at.port, token=SECRET, folder=place
    )
    try:
        yield at, beacon
    finally:
        await control.stop()
        await service.close()


@pytest.fixture(params=[pytest.param("socket", marks=unix), "port"])
def port(request: pytest.FixtureRequest) -> int | None:
    """Both ways there are."""
    return 0 if request.param == "port" else None


class Stranger:
    """A process that listens where a scheduler was, and answers with whatever may be believed."""

    def __init__(self, listening: socket.socket, answers: list[bytes]) -> None:
        self.heard = b""
        self._listening = listening
        self._answers = answers
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listening.accept()
                with peer, suppress(OSError):
                    for answer in self._answers:
                        self.heard += peer.recv(65536)
                        peer.sendall(answer)
                    while more := peer.recv(65536):
                        self.heard += more


ADMITTED = b'{"jsonrpc":"2.0","id":1,"result":true}\n'
ANSWERS = {
    "an old scheduler's answer": [ADMITTED] * 3,
    "a proof of its own": [b'{"nonce":"%s","proof":"%s"}\n' % (b"0" * 64, b"0" * 64), b'{"admitted":true}\n'],
    "no proof": [b'{"nonce":"%s"}\n' % (b"0" * 64), b'{"admitted":true}\n'],
    "no JSON": [b"HTTP/1.1 200 OK\r\n\r\n"],
    "a line without end": [b"x" * 100_000],
}


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS)
async def test_a_stranger_on_the_freed_port_gets_nothing(answers: list[bytes]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stranger = Stranger(listening, answers)
        beacon = ConnectionFile(pid=1, host="127.0.0.1", control_port=listening.getsockname()[1], token=SECRET)

        assert await RemoteScheduler.connect(beacon) is None
    assert SECRET.encode() not in stranger.heard
    assert set(json.loads(stranger.heard or b"{}")) <= {"nonce"}


@unix
async def test_a_stranger_on_the_stale_socket_gets_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "control.sock"))
        listening.listen()
        stranger = Stranger(listening, ANSWERS["a proof of its own"])
        place = FolderIdentity.of(tmp_path)
        beacon = ConnectionFile(pid=1, host="127.0.0.1", control_socket="control.sock", token=SECRET, folder=place)

        with caplog.at_level(logging.WARNING, logger="remembrancer"):
            assert await RemoteScheduler.connect(beacon, place) is None
    assert "no scheduler of this graph" in caplog.text
    assert set(json.loads(stranger.heard)) == {"nonce"}


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user may use."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


OF_ANOTHER_USER = """
import os, socket, sys
os.setuid(65534)
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
print("listens", flush=True)
peer, _ = listening.accept()
print(peer.recv(100), flush=True)
"""

AS_ANOTHER_USER = """
import os, socket, sys
os.setuid(65534)
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
try:
    peer.sendall(b'{"nonce": "%s"}\\n' % (b"0" * 64))
    print(peer.recv(100) or "nothing")
except OSError:
    print("nothing")
"""


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="root can be another user")
async def test_a_socket_of_another_user_is_not_spoken_to(shared: Path) -> None:
    command = [sys.executable, "-S", "-c", OF_ANOTHER_USER, str(shared / "control.sock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/") as process:  # noqa: ASYNC220 (it listens meanwhile)
        assert process.stdout is not None
        assert process.stdout.readline() == "listens\n"
        place = FolderIdentity.of(shared)
        beacon = ConnectionFile(pid=1, host="127.0.0.1", control_socket="control.sock", token=SECRET, folder=place)

        assert await RemoteScheduler.connect(beacon, place) is None
        assert process.stdout.readline() == "b''\n"


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="root can be another user")
async def test_another_user_is_not_heard_at_all(shared: Path) -> None:
    async with served(FolderIdentity.of(shared), None):
        (shared / "control.sock").chmod(0o666)
        command = [sys.executable, "-S", "-c", AS_ANOTHER_USER, str(shared / "control.sock")]
        ran = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=60, check=False, cwd="/"
        )

        assert (ran.stdout, ran.stderr) == ("nothing\n", "")


async def test_both_ways_lead_to_the_scheduler(tmp_path: Path, port: int | None) -> None:
    place = FolderIdentity.of(tmp_path)
    async with served(place, port) as (at, beacon):
        remote = await RemoteScheduler.connect(beacon, place)
        assert remote is not None
        assert await remote.find_tasks() == []
        await remote.close()

        assert await RemoteScheduler.connect(beacon.model_copy(update={"token": "a guess"}), place) is None
        assert (at.port is None) == (port is None)
    assert await RemoteScheduler.connect(beacon, place) is None
    assert os.listdir(tmp_path) == []  # noqa: PTH208 (it blocks nothing else)


async def opened(at: Endpoint, folder: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if at.path is not None:
        return await asyncio.open_unix_connection(folder / at.path)
    return await asyncio.open_connection("127.0.0.1", at.port)


async def test_a_replayed_proof_opens_nothing(tmp_path: Path, port: int | None) -> None:
    async with served(FolderIdentity.of(tmp_path), port) as (at, _):
        for proof in ("", "0" * 64, "é" * 32):
            reader, writer = await opened(at, tmp_path)
            writer.write(json.dumps({"nonce": "0" * 64}).encode() + b"\n")
            answer = json.loads(await reader.readline())
            writer.write(json.dumps({"proof": proof or answer["proof"]}).encode() + b"\n")

            assert json.loads(await reader.readline())["error"]["code"] == NOT_ADMITTED
            assert await reader.read() == b""
            writer.close()


async def test_a_peer_not_admitted_is_heard_for_4_kib(tmp_path: Path, port: int | None) -> None:
    async with served(FolderIdentity.of(tmp_path), port) as (at, _):
        reader, writer = await opened(at, tmp_path)
        writer.write(b"x" * (LONGEST_LINE + 1))

        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 60) == b""
        writer.close()


async def test_a_peer_that_says_nothing_is_let_go(
    tmp_path: Path, port: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "ADMISSION_SECONDS", 0.2)
    async with served(FolderIdentity.of(tmp_path), port) as (at, _):
        for said in (b"", b'{"nonce": '):
            reader, writer = await opened(at, tmp_path)
            writer.write(said)

            assert await asyncio.wait_for(reader.read(), 60) == b""
            writer.close()


async def test_idle_connections_leave_room_for_others(
    tmp_path: Path, port: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "MOST_CONNECTIONS", 4)
    monkeypatch.setattr(listener, "ADMISSION_SECONDS", 1.0)
    async with served(place := FolderIdentity.of(tmp_path), port) as (at, beacon):
        idle = [await opened(at, tmp_path) for _ in range(20)]
        remote = None
        async with asyncio.timeout(120):
            while remote is None:
                remote = await RemoteScheduler.connect(beacon, place)
        assert await remote.find_tasks() == []

        await remote.close()
        for _, writer in idle:
            writer.close()


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder whose path is longer than a socket's may be."""
    folder = tmp_path.joinpath(*["a folder with a long name"] * 6)
    folder.mkdir(parents=True)
    yield folder
    assert len(os.fsencode(folder)) > 108


@unix
async def test_a_deep_folder_has_its_socket_all_the_same(deep: Path) -> None:
    place = FolderIdentity.of(deep)
    async with served(place, None) as (at, beacon):
        remote = await RemoteScheduler.connect(beacon, place)

        assert remote is not None
        await remote.close()
        assert stat.S_ISSOCK((deep / str(at.path)).lstat().st_mode)
        assert stat.S_IMODE((deep / str(at.path)).lstat().st_mode) == 0o600


@unix
async def test_where_no_socket_can_lie_a_private_one_serves(tmp_path: Path) -> None:
    (tmp_path / "control.sock").mkdir()  # nothing can be bound there
    (tmp_path / "control.sock" / "in the way").touch()
    place = FolderIdentity.of(tmp_path)
    async with served(place, None) as (at, beacon):
        remote = await RemoteScheduler.connect(beacon, place)

        assert remote is not None
        await remote.close()
        made = Path(str(at.path)).parent
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert not made.exists()


@unix
def test_a_killed_serve_leaves_nothing_to_believe(terminal: Terminal, serve: Serve, until: Until) -> None:
    serving = serve("--no-rest")
    task_id = terminal.json("schedule", "Report", "--cron", "0 9 * * *", "--prompt", "x")["task_id"]
    serving.process.send_signal(signal.SIGKILL)
    serving.process.wait(60)
    beacon = read(terminal.graph)  # type: ignore[arg-type]
    path = terminal.folder / "graph" / "control.sock"
    assert beacon is not None
    assert path.exists()
    assert [each["task_id"] for each in terminal.json("list")] == [task_id]  # refused: it is known to be stale
    path.unlink()
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(path))
        listening.listen()
        stranger = Stranger(listening, ANSWERS["an old scheduler's answer"])
        made = terminal("token", "create", "--name", "mine", "--scope", "read", "--json")

    assert made.code == 0
    assert made.json["token"].startswith("rmb_")
    assert beacon.token.encode() not in stranger.heard
    assert set(json.loads(stranger.heard)) == {"nonce"}
    again = serve("--no-rest")
    assert [each["task_id"] for each in terminal.json("list")] == [task_id]
    assert again.beacon["control_socket"] == "control.sock"


@unix
def test_serve_says_that_its_channel_takes_no_port(terminal: Terminal) -> None:
    refused = terminal.apart("serve", "--control-port", "7999")

    assert refused.code == 2
    assert "--control-port value 7999 allowed 0: on this system" in " ".join(refused.err.split())
