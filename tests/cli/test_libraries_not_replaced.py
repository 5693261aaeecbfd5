"""Libraries: no file of the working folder takes their place, and an API that cannot be served is said so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Serve, Terminal

pytestmark = pytest.mark.slow
LIBRARIES = ("typer", "rich", "pydantic", "arcadedb", "croniter", "fastapi", "uvicorn", "getpass", "http")


def test_a_file_with_a_librarys_name_is_not_run(terminal: Terminal, serve: Serve) -> None:
    for name in LIBRARIES:
        (terminal.folder / f"{name}.py").write_text("raise SystemExit('this file was run')\n")
    (terminal.folder / "agent.py").write_text("import rich\n\nasync def handle(firing):\n    return 'done'\n")

    assert terminal.apart("schedule", "Report", "--in", "1h", "--prompt", "x", "--json").json["name"] == "Report"
    serving = serve("--handler", "agent:handle")
    assert serving.beacon["rest_port"]
    assert [each["name"] for each in terminal.apart("list", "--json").json] == ["Report"]


def test_a_handler_hidden_by_a_library_is_said_so(terminal: Terminal) -> None:
    (terminal.folder / "rich.py").write_text("async def handle(firing): ...\n")
    ran = terminal.apart("serve", "--handler", "rich:handle", "--json")
    told = json.loads(ran.err)["error"]

    assert (ran.code, told["field"]) == (2, "--handler")
    assert "the module is " in told["allowed"]
    assert "site-packages" in told["allowed"]


BLOCK = """
import sys, importlib.abc
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "fastapi":
            raise {error}
sys.meta_path.insert(0, Block())
sys.path.insert(0, "")
"""
MISSING = "ModuleNotFoundError(\"No module named 'fastapi'\", name='fastapi')"
BROKEN = "ImportError(\"cannot import name 'Depends' from 'fastapi'\")"


@pytest.mark.parametrize(
    ("error", "said"),
    [(MISSING, "fastapi is not installed: pip install 'remembrancer[rest]'"), (BROKEN, "cannot import name 'Depends'")],
)
def test_an_api_that_cannot_be_served_is_told(terminal: Terminal, error: str, said: str) -> None:
    (terminal.folder / "site").mkdir()
    (terminal.folder / "site" / "sitecustomize.py").write_text(BLOCK.format(error=error))
    command = f'PYTHONPATH={terminal.folder / "site"}:$PYTHONPATH exec "$@"'
    process = terminal.begin("serve", "--json", "--no-bolt", before=["sh", "-c", command, "sh"])
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    process.terminate()
    _, err = process.communicate(timeout=120)

    assert (told["event"], told["rest"]) == ("serving", None)
    assert said in told["rest_absent"]
    assert ("The API is not served" in err) == (error == BROKEN)
    asked = terminal.begin("serve", "--rest", "--no-bolt", "--json", before=["sh", "-c", command, "sh"])
    _, err = asked.communicate(timeout=120)
    assert asked.returncode == 2
    assert json.loads(err.splitlines()[-1])["error"]["field"] == "--rest"
