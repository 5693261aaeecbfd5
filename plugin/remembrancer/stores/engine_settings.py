"""The embedded engine's settings: environment variables that must stand before its first import."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def log_folder() -> Path:
    """Return where the engine keeps its own log: REMEMBRANCER_LOG_DIR, or below the user's state folder."""
    if chosen := os.environ.get("REMEMBRANCER_LOG_DIR"):
        return Path(chosen)
    if sys.platform == "win32":
        state = Path(os.environ.get("LOCALAPPDATA") or Path.home())
    elif sys.platform == "darwin":
        state = Path.home() / "Library" / "Logs"
    else:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return state / "remembrancer"


def engine_environment(*, reuse_space: bool) -> dict[str, str]:
    """Return the engine's settings, as environment variables that must stand before its first import.

    Its memory is bounded, its index compacted early (an index over a clock ages), its log kept off the terminal.
    An index that only grows is written anew half as often as the engine would.

    To use the space of what was deleted again, the engine looks for it: of a graph that only grows it reads every page
    of all executions, each five seconds while it fires, and after two million fires that took a third of the rate. So
    it is let do so only where *reuse_space* says that executions are deleted at all.

    A command's rows come back with it: the binding's other way, a cursor read later, costs a second crossing and keeps
    the parameters of 4,096 commands for ever, which was two thirds of a kilobyte and more for each fire.
    A value that the user has set wins.
    """
    return {
        "ARCADEDB_NATIVE_LAZY_CMD": "0",
        "ARCADEDB_NATIVE_ISOLATE_ARGS": (
            "-Xmx512m -Darcadedb.maxPageRAM=128 -Darcadedb.indexCompactionMinPagesSchedule=4 "
            "-Darcadedb.indexCompactionFullSeriesThreshold=20 "
            f"-Darcadedb.bucketReuseSpaceMode={'high' if reuse_space else 'low'}"
        ),
        "ARCADEDB_LOG_CONSOLE": "0",
        "ARCADEDB_LOG_DIR": str(log_folder()),
    }
