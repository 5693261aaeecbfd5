"""Recipes for deployment: the systemd unit, the Dockerfile and the compose file are what they say."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

from remembrancer.cli import app

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "remembrancer.service"
DOCKERFILE = DEPLOY / "Dockerfile"
COMPOSE = DEPLOY / "compose.yaml"


def unit_settings() -> list[tuple[str, str]]:
    """Return the settings of the unit, in order."""
    lines = UNIT.read_text("utf-8").splitlines()
    pairs = [line.partition("=") for line in lines if "=" in line and not line.startswith("#")]
    return [(name, value) for name, _, value in pairs]


def options_of(command: str) -> set[str]:
    """Return the options of a command of ours."""
    commands = typer.main.get_command(app).commands  # pyright: ignore[reportAttributeAccessIssue]
    return {option for each in commands[command].params for option in each.opts}


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions, continued lines joined."""
    text = DOCKERFILE.read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def test_the_unit_runs_serve_with_options_that_exist() -> None:
    (command,) = [value for name, value in unit_settings() if name == "ExecStart"]
    _, name, *options = shlex.split(command)

    assert name == "serve"
    assert {option for option in options if option.startswith("--")} <= options_of("serve")


def test_the_unit_waits_longer_than_an_orderly_stop() -> None:
    settings = dict(unit_settings())
    (limit,) = re.findall(r"--shutdown-timeout (\d+)", settings["ExecStart"])

    assert int(settings["TimeoutStopSec"]) > int(limit) + 30
    assert settings["Restart"] == "on-failure"


def test_the_unit_is_accepted_by_systemd(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here")
    copy = tmp_path / UNIT.name
    text = UNIT.read_text("utf-8")
    copy.write_text(text.replace("/opt/remembrancer/bin/remembrancer", sys.executable), encoding="utf-8")

    answer = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )

    assert (answer.returncode, [line for line in answer.stderr.splitlines() if UNIT.name in line]) == (0, [])


def test_the_image_is_made_of_files_that_exist() -> None:
    copied = [shlex.split(rest)[:-1] for name, rest in instructions() if name == "COPY" and "--from" not in rest]

    assert [each for sources in copied for each in sources if not (ROOT / each).exists()] == []


def test_the_image_installs_extras_that_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = DOCKERFILE.read_text("utf-8")
    (extras,) = re.findall(r"'\.\[([\w,]+)\]'", text)
    versions = {tuple(map(int, each)) for each in re.findall(r"FROM python:(\d+)\.(\d+)", text)}

    assert set(extras.split(",")) <= project["optional-dependencies"].keys()
    assert len(versions) == 1
    assert f"Programming Language :: Python :: {'.'.join(map(str, versions.pop()))}" in project["classifiers"]


def test_the_image_runs_as_a_user_of_its_own() -> None:
    last = dict(instructions())

    assert last["USER"] == "remembrancer"
    assert last["ENTRYPOINT"] == '["remembrancer"]'
    assert '"serve"' in last["CMD"]


def test_the_compose_file_shares_one_graph() -> None:
    compose = yaml.safe_load(COMPOSE.read_text("utf-8"))
    ours, server = compose["services"]["remembrancer"], compose["services"]["neo4j"]

    assert (COMPOSE.parent / ours["build"]["context"] / ours["build"]["dockerfile"]).resolve() == DOCKERFILE
    assert ours["environment"]["REMEMBRANCER_GRAPH"] == "neo4j://neo4j:7687/neo4j"
    assert ours["depends_on"] == {"neo4j": {"condition": "service_healthy"}}
    assert {*ours["secrets"], *server["secrets"]} == compose["secrets"].keys()


def test_the_compose_file_opens_nothing_to_other_machines() -> None:
    services = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"].values()

    ports = [port for service in services for port in service.get("ports", [])]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_compose_file_keeps_secrets_out_of_git() -> None:
    secrets = yaml.safe_load(COMPOSE.read_text("utf-8"))["secrets"].values()

    assert {Path(secret["file"]).parent.as_posix() for secret in secrets} == {"secrets"}
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
