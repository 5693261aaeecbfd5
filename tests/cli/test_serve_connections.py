"""A `serve` that runs out of files goes on answering, and says so once."""

from __future__ import annotations

import resource
import signal
import socket
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of another process are set on Linux only"),
]


def test_idle_sockets_neither_silence_the_api_nor_flood_the_log(serve: Callable[..., Any]) -> None:
    serving = serve("--no-bolt")
    address = ("127.0.0.1", serving.beacon["rest_port"])
    pid = serving.process.pid
    open_files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_files + 20, open_files + 20))
    with ExitStack() as stack:
        for _ in range(200):
            idle = stack.enter_context(socket.socket())
            idle.settimeout(0.2)
            with suppress(OSError):
                idle.connect(address)
        asking = stack.enter_context(socket.create_connection(address, timeout=120))
        asking.sendall(b"GET /v1/scheduler/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = asking.recv(1000)
    ended = serving.end(signal.SIGTERM)

    assert answer.startswith(b"HTTP/1.1 200")
    assert ended.code == 0
    assert "Traceback" not in ended.err
    assert ended.err.count("Too many open files") <= 2
