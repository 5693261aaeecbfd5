"""The servers of `serve`: one list, to which an entry adds another server."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from remembrancer.cli import servers
from remembrancer.cli.commands.serve import open_serving
from remembrancer.cli.serve_options import SERVE_OPTIONS
from remembrancer.cli.servers import NotServed, ServerKind
from remembrancer.cli.views.serve import ServeLog
from remembrancer.surfaces.server import Endpoint

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer.cli.servers import Serving
    from remembrancer.service.service import SchedulerService


class Page:
    """A server of somebody's own."""

    name = "page"

    def __init__(self, steps: list[str], service: SchedulerService) -> None:
        self._steps = steps
        self._service = service

    async def start(self) -> Endpoint:
        running = self._service.get_status().performance.task_running
        self._steps.append(f"started, scheduler running: {running}")
        address = "http://127.0.0.1:8123/"
        return Endpoint(address, 8123, note="token: none", facts={"page": address}, access={"page_port": 8123})

    async def stop(self) -> None:
        running = self._service.get_status().performance.task_running
        self._steps.append(f"stopped, scheduler running: {running}")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a server added to the list did."""
    done: list[str] = []

    def make(_: Serving, service: SchedulerService) -> Page:
        return Page(done, service)

    added = ServerKind("page", "metrics_port", make, {"page": None})
    monkeypatch.setattr(servers, "SERVERS", [*servers.SERVERS, added])
    return done


@pytest.mark.parametrize("as_json", [False, True])
async def test_an_added_server_is_started_printed_and_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], steps: list[str], *, as_json: bool
) -> None:
    folder = tmp_path / "graph"
    asked = SERVE_OPTIONS(graph=str(folder), rest=False, bolt=False, as_json=as_json)
    async with AsyncExitStack() as stack:
        await open_serving(stack, asked, folder, lambda _: None, ServeLog(as_json=as_json))
        written = json.loads((folder / "serve.json").read_text("utf-8"))
        assert steps == ["started, scheduler running: True"]

    told = capsys.readouterr().out
    if as_json:
        said = json.loads(told)
        assert {name: said[name] for name in ("page", "rest", "rest_absent", "bolt", "metrics_port")} == {
            "page": "http://127.0.0.1:8123/",
            **dict.fromkeys(("rest", "rest_absent", "bolt", "metrics_port")),
        }
    else:
        assert [line.split()[0] for line in told.splitlines()] == ["Serving", "control", "page"]
        assert "  page     http://127.0.0.1:8123/  token: none" in told
    assert written["page_port"] == 8123
    assert steps == ["started, scheduler running: True", "stopped, scheduler running: True"]
    assert not (folder / "serve.json").exists()


async def test_a_server_left_out_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    left_out = ServerKind("page", "metrics_port", lambda *_: NotServed("no templates"), {"page": None})
    monkeypatch.setattr(servers, "SERVERS", [left_out])
    asked = SERVE_OPTIONS(graph=str(tmp_path / "graph"), bolt=False)
    async with AsyncExitStack() as stack:
        for as_json in (False, True):
            inner = await stack.enter_async_context(AsyncExitStack())
            await open_serving(inner, asked, tmp_path / "graph", lambda _: None, ServeLog(as_json=as_json))
            await inner.aclose()

    words, said = capsys.readouterr().out.rstrip().rsplit("\n", 1)
    assert words.endswith("  page     not served: no templates")
    assert (json.loads(said)["page"], json.loads(said)["page_absent"]) == (None, "no templates")


async def test_a_port_that_is_taken_names_its_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(Page):
        async def start(self) -> Endpoint:
            raise OSError(98, "Address already in use")

    taken = ServerKind("page", "metrics_port", lambda _, service: Late([], service), {"page": None})
    monkeypatch.setattr(servers, "SERVERS", [taken])
    asked = SERVE_OPTIONS(graph=str(tmp_path / "graph"), bolt=False)
    async with AsyncExitStack() as stack:
        with pytest.raises(ValueError, match=r"--metrics-port=.*Address already in use"):
            await open_serving(stack, asked, tmp_path / "graph", lambda _: None, ServeLog(as_json=False))
