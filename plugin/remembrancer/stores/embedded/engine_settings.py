"""The embedded engine's settings: environment variables that must be set before its first import."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from remembrancer.model.query_limits import LONGEST_SECONDS


def log_folder() -> Path:
    """Return the folder of the engine's log: REMEMBRANCER_LOG_DIR, or one in the user's state folder."""
    if chosen := os.environ.get("REMEMBRANCER_LOG_DIR"):
        return Path(chosen)
    if sys.platform == "win32":
        state = Path(os.environ.get("LOCALAPPDATA") or Path.home())
    elif sys.platform == "darwin":
        state = Path.home() / "Library" / "Logs"
    else:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return state / "remembrancer"


def engine_environment(*, reuse_space: bool, bounded: bool) -> dict[str, str]:
    """Return the engine's settings, as environment variables that must be set before its first import.

    Memory is bounded, indexes are compacted early (an index over times fragments), and the log does not go to the
    terminal. An index that only grows is rewritten half as often as by the engine's default.

    To reuse deleted space, the engine scans for it: while a graph that only grows fires, it would read every page of
    all executions each 5 s, which cost a third of the rate after two million fires. So this is enabled only if
    *reuse_space* says that executions are deleted at all.

    A command returns its rows directly: the binding's alternative, a cursor read later, costs a second call and keeps
    the parameters of 4,096 commands in memory, at least two thirds of a kilobyte for each fire.

    For a service that runs users' queries, each statement is *bounded* in time; a check of a whole graph is not.

    A value that the user has set takes precedence, argument by argument, except for the arguments that keep queries
    from accessing files and addresses: these come last, where they take effect.
    """
    ours = {**_ARGUMENTS, "-Darcadedb.bucketReuseSpaceMode=": "high" if reuse_space else "low"}
    if bounded:
        ours["-Darcadedb.command.timeout="] = f"{LONGEST_SECONDS * 1000:.0f}"
    return {
        "ARCADEDB_NATIVE_LAZY_CMD": "0",
        _NATIVE: " ".join(_merged(ours, os.environ.get(_NATIVE, "").split())),
        _JVM: " ".join(_merged({}, os.environ.get(_JVM, "").split())),
        "ARCADEDB_LOG_CONSOLE": "0",
        "ARCADEDB_LOG_DIR": str(log_folder()),
    }


def _merged(ours: dict[str, str], given: list[str]) -> list[str]:
    """Return the user's arguments merged with these; merging is idempotent."""
    lacking = [name + value for name, value in ours.items() if not any(_is_same(name, each) for each in given)]
    allowed = [each for each in given if not each.startswith(tuple(_GUARDS))]
    return [*lacking, *allowed, *(name + value for name, value in _GUARDS.items())]


def _is_same(name: str, argument: str) -> bool:
    """Return True if *argument* sets the same option as *name*; a heap's size has several forms."""
    return argument.startswith(_HEAP if name == "-Xmx" else name)


ENFORCED: Final = ("ARCADEDB_NATIVE_ISOLATE_ARGS", "ARCADEDB_JVM_ARGS")
"""The variables that hold both the user's arguments and these."""
_NATIVE, _JVM = ENFORCED
_HEAP: Final = ("-Xmx", "-XX:MaximumHeapSizePercent=", "-XX:MaxRAM=")
_ARGUMENTS: Final = {
    "-Xmx": "512m",
    "-Darcadedb.maxPageRAM=": "128",
    "-Darcadedb.indexCompactionMinPagesSchedule=": "4",
    "-Darcadedb.indexCompactionFullSeriesThreshold=": "20",
    "-Darcadedb.queryMaxConcurrent=": "4",
}
"""By prefix. The last one is the number of concurrent queries over Bolt."""
_GUARDS: Final = {
    "-Darcadedb.opencypher.loadCsv.allowFileUrls=": "false",
    "-Darcadedb.opencypher.loadCsv.allowRemoteUrls=": "false",
    "-Darcadedb.polyglotEngineEnabled=": "false",
}
