"""The cron files that Debian's packages install are taken over whole: real input, fetched when it is tested."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from remembrancer.cli import app

if TYPE_CHECKING:
    from conftest import Terminal


PACKAGES = ("anacron", "certbot", "e2fsprogs", "logcheck", "mdadm", "munin-node", "ntpsec", "php-common", "sysstat")
FEWEST = 5
JOB = re.compile(r"\s*(?:[\d*]|@\w)")


@pytest.fixture(scope="module")
def cron_files() -> list[Path]:
    """The packages' /etc/cron.d, unpacked to a folder that the next run finds again."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        pytest.skip("THE CRON FILES OF DEBIAN ARE NOT TESTED: there is no apt-get here")
    folder = Path(tempfile.gettempdir()) / "remembrancer-tests-debian-crontabs"
    folder.mkdir(exist_ok=True)
    if missing := [package for package in PACKAGES if not (folder / package).exists()]:
        _unpack(missing, folder)
    found = sorted(path for path in folder.glob("*/etc/cron.d/*") if path.is_file() and not path.name.startswith("."))
    if len(found) < FEWEST:
        pytest.skip(f"THE CRON FILES OF DEBIAN ARE NOT TESTED: apt-get fetched only {len(found)} of them")
    return found


def _unpack(packages: list[str], target: Path) -> None:
    """Fetch the packages; of those that this release lacks, apt-get says so and fetches none, so they are left out."""
    fetch = ["apt-get", "download"]
    with tempfile.TemporaryDirectory() as here:
        run = partial(subprocess.run, cwd=here, capture_output=True, text=True, timeout=180, check=False)
        unknown = re.findall(r"Unable to locate package (\S+)", run([*fetch, "--print-uris", *packages]).stderr)
        run([*fetch, *(package for package in packages if package not in unknown)])
        for archive in Path(here).glob("*.deb"):
            run(["dpkg", "-x", archive.name, "unpacked"]).check_returncode()
            shutil.move(f"{here}/unpacked", target / archive.name.partition("_")[0])


def test_each_debian_job_is_imported_once_or_skipped_with_reason(cron_files: list[Path], terminal: Terminal) -> None:
    together = terminal.folder / "all.crontab"
    together.write_text("".join(path.read_text("utf-8") + "\n" for path in cron_files))
    jobs = [line for line in together.read_text("utf-8").splitlines() if JOB.match(line)]

    first = terminal.json("import", "crontab", str(together), "--system")
    second = terminal.json("import", "crontab", str(together), "--system")

    assert first["imported"] + first["refused"] == len(jobs)
    assert first["imported"] + first["refused"] + first["no_task"] == len(first["entries"])
    skipped = [line["text"] for line in first["entries"] if line["fate"] == "refused"]
    assert [text for text in skipped if not text.startswith("@reboot")] == []
    assert (second["imported"], second["unchanged"]) == (0, first["imported"])
    assert len(terminal.json("list")) == first["imported"]


def test_a_cron_file_of_debian_is_recognised_as_a_system_one(cron_files: list[Path], tmp_path: Path) -> None:
    for path in cron_files:
        words = ["import", "crontab", str(path), "--dry-run", "--json", "--graph", str(tmp_path / "graph")]
        report = json.loads(CliRunner().invoke(app, words).stdout)

        users = {line["user"] for line in report["entries"] if line["fate"] == "imported"}
        assert users <= {"root", "logcheck", "munin", "www-data"}, path.name
