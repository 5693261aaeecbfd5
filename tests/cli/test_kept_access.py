"""The Bolt password and the ports of `serve`: the same from start to start, kept in the private folder."""

from __future__ import annotations

import json
import signal
import socket
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

import neo4j
import pytest

from remembrancer.surfaces.control.connection_file import ConnectionFile
from remembrancer.surfaces.kept_access import KeptAccess, read_access, write_access

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Serve, Serving, Terminal

STABLE = ("bolt_port", "bolt_user", "bolt_password", "rest_port")


def access(serving: Serving) -> dict[str, object]:
    return {name: serving.beacon[name] for name in STABLE}


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_driver_comes_back_after_a_restart(terminal: Terminal, serve: Serve, end: signal.Signals) -> None:
    first = serve()
    first.end(end)
    second = serve()

    assert access(second) == access(first)
    assert second.beacon["token"] != first.beacon["token"]
    uri, login = f"bolt://127.0.0.1:{first.beacon['bolt_port']}", ("reader", str(first.beacon["bolt_password"]))
    with neo4j.GraphDatabase.driver(uri, auth=login) as driver:
        assert driver.execute_query("RETURN 1 AS one").records[0]["one"] == 1
    kept = terminal.folder / "graph" / "access.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.slow
def test_a_port_that_a_stranger_took_renews_the_password(terminal: Terminal, serve: Serve) -> None:
    first = serve("--no-rest")
    first.end(signal.SIGKILL)
    with socket.create_server(("127.0.0.1", int(str(first.beacon["bolt_port"])))):
        second = serve("--no-rest")

    assert second.beacon["bolt_port"] != first.beacon["bolt_port"]
    assert second.beacon["bolt_password"] != first.beacon["bolt_password"]
    assert (
        json.loads((terminal.folder / "graph" / "access.json").read_text())["bolt_port"] == second.beacon["bolt_port"]
    )


def test_what_others_could_read_is_not_used_again(tmp_path: Path) -> None:
    write_access(
        tmp_path, KeptAccess(bolt_password="secret", rest_port=1), ConnectionFile(pid=1, token="x", rest_port=2)
    )
    assert read_access(tmp_path) == KeptAccess(bolt_password="secret", rest_port=2)
    (tmp_path / "access.json").chmod(0o640)

    assert read_access(tmp_path).bolt_password != "secret"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"bolt_password": 1}'])
def test_a_spoilt_file_is_made_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "access.json").write_text(text)
    (tmp_path / "access.json").chmod(0o600)

    assert len(read_access(tmp_path).bolt_password) > 20


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text('{"bolt_password": "known"}')
    (tmp_path / "elsewhere").chmod(0o600)
    with suppress(OSError):
        (tmp_path / "access.json").symlink_to(tmp_path / "elsewhere")

    assert read_access(tmp_path).bolt_password != "known"
