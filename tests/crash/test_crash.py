"""What `make crash` does two hundred times, a part of it once: maltreat a scheduler, open again, look."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROUNDS = Path(__file__).with_name("rounds.py")
PATIENCE_SECONDS = 1200.0
SHORT = (
    "killed",
    "asked to stop",
    "interrupted twice",
    "its loop ends without a stop",
    "an error ends its loop",
    "cancellation is swallowed, and it is asked to stop",
    "handlers ask for the end",
)
"""The ends, each; what is done to threads, folders, clocks and disks has tests of its own."""


@pytest.mark.parametrize("torment", SHORT)
def test_a_maltreated_scheduler_loses_and_doubles_nothing(torment: str) -> None:
    command = [sys.executable, str(ROUNDS), "--only", torment, "--rounds", "1"]
    played = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)

    assert played.returncode == 0, played.stdout + played.stderr
    assert played.stdout.splitlines()[-1].endswith("0 lost, 0 double fires")
