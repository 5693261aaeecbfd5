"""The notebooks are run from the top, and what is kept in them is what comes out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
LARGEST = 400_000
RUN = "import sys; from nbclient.cli import main; sys.argv[0] = 'jupyter-execute'; main()"
pytestmark = [pytest.mark.slow, pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)]


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def outputs(book: Any) -> list[list[tuple[str, str]]]:
    """Return what each cell shows, as (kind, text); a picture's text is left out."""
    return [
        [shown(output) for output in cell.outputs if output.output_type != "stream" or output.name == "stdout"]
        for cell in book.cells
        if cell.cell_type == "code"
    ]


def shown(output: Any) -> tuple[str, str]:
    if output.output_type == "stream":
        return "text", output.text
    if "image/png" in output.data:
        return "picture", ""
    return "table", output.data.get("text/markdown", "")


def test_a_notebook_shows_again_what_it_keeps(notebook: Path, tmp_path: Path) -> None:
    clean = read(notebook)
    for cell in clean.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    copy = tmp_path / notebook.name
    nbformat.write(clean, copy)

    # In a process of its own: what Jupyter's own machinery warns of is not ours to fail on.
    ran = subprocess.run(
        [sys.executable, "-c", RUN, "--inplace", "--timeout=600", str(copy)],
        env=os.environ | {"IPYTHONDIR": str(tmp_path / "ipython"), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert outputs(read(copy)) == outputs(read(notebook))


def test_a_notebook_keeps_its_pictures(notebook: Path) -> None:
    kinds = [kind for cell in outputs(read(notebook)) for kind, _ in cell]

    assert kinds.count("picture") >= 3
    assert notebook.stat().st_size < LARGEST


def test_a_notebook_keeps_no_errors_and_no_paths(notebook: Path) -> None:
    book = read(notebook)
    kept = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    words = "\n".join(text for cell in outputs(book) for _, text in cell)

    assert [output.output_type for output in kept if output.output_type == "error"] == []
    assert [output.text for output in kept if output.get("name") == "stderr"] == []
    assert re.findall(r"(?:/[\w.-]+){2,}/?", words) == []


def test_a_notebook_runs_on_any_python(notebook: Path) -> None:
    assert read(notebook).metadata.kernelspec.name == "python3"
