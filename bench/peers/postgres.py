"""A Postgres server to throw away, where the machine has the programs for one.

It writes as a server in earnest does, with fsync, and is reached only by a socket in a folder of its own.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from table import say

from peers.peer import NotRun, last_line

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER = "bench"


@contextmanager
def server() -> Iterator[str]:
    """Run a fresh server for as long as the block lasts; yield the address of its database."""
    programs, account = _programs(), _account()
    with tempfile.TemporaryDirectory(prefix="remembrancer-postgres-") as folder:
        if account:
            os.chown(folder, account["user"], account["group"])
        say(f"  starting the Postgres server of {programs} in a folder of its own")
        settings = ["-k", folder, "-c", "listen_addresses=", "-c", "fsync=on", "-c", "synchronous_commit=on"]
        cluster = ["--pgdata", f"{folder}/data"]
        made = ["--auth=trust", f"--username={OWNER}", "--encoding=UTF8", "--no-locale"]
        started = ["--wait", "--log", f"{folder}/log", "--options", shlex.join(settings)]
        _run([programs / "initdb", *cluster, *made], account)
        _run([programs / "pg_ctl", "start", *cluster, *started], account)
        try:
            yield f"postgresql://{OWNER}@/postgres?host={quote(folder, safe='')}"
        finally:
            _run([programs / "pg_ctl", "stop", *cluster, "--wait", "--mode=fast"], account)


def _programs() -> Path:
    """Return where the server's programs are: the newest of Debian's, which keeps them off PATH, or those on PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = debian[-1] if debian else shutil.which("initdb")
    if not found:
        raise NotRun("it needs a Postgres server, and there is none on this machine")
    return Path(found).resolve().parent


def _account() -> dict[str, Any]:
    """Say who the server has to run as where we are root, which Postgres refuses to be."""
    if os.geteuid() != 0:
        return {}
    try:
        known = pwd.getpwnam("postgres")
    except KeyError as unknown:
        raise NotRun("Postgres does not run as root, and there is no user postgres to run it as") from unknown
    return {"user": known.pw_uid, "group": known.pw_gid, "extra_groups": []}


def _run(command: list[str | Path], account: dict[str, Any]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, cwd="/", **account)
    except subprocess.CalledProcessError as failed:
        raise NotRun(f"{Path(command[0]).name} failed ({last_line(failed.stderr)})") from failed
