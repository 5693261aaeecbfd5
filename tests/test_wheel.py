"""What a person gets who installs the package: the wheel, and what is in it.

`make wheel` runs these and some others once more against the installed wheel; it says so in REMEMBRANCER_TESTED_AS.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import remembrancer
import remembrancer_schema

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def packaged() -> dict[str, bytes]:
    """Every file of both source packages, by the name it has in the wheel."""
    roots = {ROOT / "plugin": "remembrancer", ROOT / "graph_schema": "remembrancer_schema"}
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for root, package in roots.items()
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_both_packages_whole_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    expected = packaged()
    held = {name: wheel.read(name) for name in wheel.namelist() if ".dist-info/" not in name}

    assert held.keys() == expected.keys()
    assert [name for name in held if held[name] != expected[name]] == []


def test_the_wheel_brings_queries_migrations_and_types(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()

    assert [name for name in names if name.endswith(".cypher") and "/queries/" in name]
    assert [name for name in names if name.endswith(".sql") and "/migrations/embedded/" in name]
    assert [name for name in names if "/migrations/neo4j/" in name]
    assert {"remembrancer/py.typed", "remembrancer_schema/py.typed"} <= set(names)


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    facts = message_from_bytes(wheel.read(name))

    assert (facts["Name"], facts["Version"]) == ("remembrancer", remembrancer.__version__)
    assert facts["License-Expression"] == "Apache-2.0"
    assert any(entry.endswith("/licenses/LICENSE") for entry in wheel.namelist())
    assert (
        "remembrancer = remembrancer.__main__:main" in wheel.read(name.replace("METADATA", "entry_points.txt")).decode()
    )


EACH_MODULE = """
import importlib, pkgutil
for package in ("remembrancer", "remembrancer_schema"):
    top = importlib.import_module(package)
    print(package)
    for found in pkgutil.walk_packages(top.__path__, f"{package}."):
        print(importlib.import_module(found.name).__name__)
"""


def test_each_module_is_imported() -> None:
    ran = subprocess.run([sys.executable, "-c", EACH_MODULE], capture_output=True, text=True, check=False)
    files = [name.removesuffix(".py") for name in packaged() if name.endswith(".py")]
    names = {name.removesuffix("/__init__").replace("/", ".") for name in files}

    assert ran.returncode == 0, ran.stderr
    assert set(ran.stdout.split()) == names


def test_the_package_under_test_is_the_one_meant() -> None:
    found = [Path(str(module.__file__)).resolve().parent.parent for module in (remembrancer, remembrancer_schema)]
    if os.environ.get("REMEMBRANCER_TESTED_AS") == "wheel":
        site_packages = Path(sysconfig.get_path("purelib")).resolve()
        assert found == [site_packages, site_packages]
    else:
        assert found == [ROOT / "plugin", ROOT / "graph_schema"]
