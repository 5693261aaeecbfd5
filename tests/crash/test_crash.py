"""What `make crash` does two hundred times, a few times over: kill -9, open again, look."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_killed_scheduler_loses_nothing_and_doubles_nothing() -> None:
    command = [sys.executable, str(Path(__file__).with_name("rounds.py")), "--rounds", "3"]
    played = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200)

    assert played.returncode == 0, played.stdout + played.stderr
    assert played.stdout.splitlines()[-1].startswith("3 rounds, ")
    assert played.stdout.splitlines()[-1].endswith("0 lost, 0 double fires")
