"""Other schedulers at the same work, each in a process of its own and set up as its own documentation does.

A peer is a script in this folder that takes where it keeps its tasks (a folder, or the address of a Postgres database)
and how many tasks to take, and prints `{"creates": a second, "fires": a second}`.
"""

from __future__ import annotations

import json
import subprocess
from contextlib import nullcontext
from pathlib import Path

from table import say

from peers import postgres
from peers.environment import python_of
from peers.peer import NotRun, Peer, last_line

HERE = Path(__file__).parent
HUEY = "Huey (SQLite, fsync)"
PATIENCE_SECONDS = 180
PEERS = (
    Peer(HUEY, "huey", 10_000),
    Peer("APScheduler 3 (SQLite)", "apscheduler3", 1_000),
    Peer(
        "APScheduler 4 alpha (SQLite)",
        "apscheduler4",
        500,
        # It imports sniffio and leaves it to anyio to bring, which does so no more.
        requirements=("apscheduler[sqlalchemy]==4.0.0a6", "aiosqlite==0.22.1", "sniffio==1.3.1"),
    ),
    Peer(
        "procrastinate (Postgres)",
        "procrastinate",
        1_000,
        requirements=("procrastinate==3.10.0", "psycopg[binary]==3.3.9"),
        needs_postgres=True,
    ),
    Peer("DBOS (Postgres)", "dbos", 1_000, requirements=("dbos==3.4.0",), needs_postgres=True),
)


def measured(folder: Path) -> tuple[dict[str, float], dict[str, float], list[str]]:
    """Return creates a second by peer, fires a second by peer, and which did not run and why."""
    creates: dict[str, float] = {}
    fires: dict[str, float] = {}
    missing: list[str] = []
    for peer in PEERS:
        try:
            rates = _rates(peer, folder)
        except NotRun as why:
            missing.append(f"{peer.name}: not run, {why}.")
            say(f"  {missing[-1]}")
        else:
            creates[peer.name], fires[peer.name] = rates["creates"], rates["fires"]
            say(f"  {peer.name}: creates {rates['creates']:,.0f}/s, fires {rates['fires']:,.0f}/s")
    return creates, fires, missing


def _rates(peer: Peer, folder: Path) -> dict[str, float]:
    with postgres.server() if peer.needs_postgres else nullcontext(str(folder)) as where:
        command = [python_of(peer), HERE / f"{peer.key}_peer.py", where, str(peer.count)]
        try:
            told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        except subprocess.CalledProcessError as failed:
            raise NotRun(f"it failed ({last_line(failed.stderr)})") from failed
        except subprocess.TimeoutExpired as late:
            raise NotRun(f"it took longer than {PATIENCE_SECONDS} seconds") from late
    return json.loads(last_line(told.stdout))
