"""What `make kills` does at every commit, at each write of a policy once: kill -9, another process, look."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

KILLS = Path(__file__).with_name("policy_kills.py")
PATIENCE_SECONDS = 850.0

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="this system has no fork")]


def test_a_kill_at_each_write_of_a_policy_leaves_nothing_wrong() -> None:
    command = [sys.executable, str(KILLS)]
    played = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)

    assert played.returncode == 0, played.stdout + played.stderr
    assert played.stdout.splitlines()[-1].endswith(" 0 left something wrong")
