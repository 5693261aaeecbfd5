"""The embedded engine's settings: environment variables that must stand before its first import."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from remembrancer.model.query_limits import LONGEST_SECONDS


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


def engine_environment(*, reuse_space: bool, bounded: bool) -> dict[str, str]:
    """Return the engine's settings, as environment variables that must stand before its first import.

    Its memory is bounded, its index compacted early (an index over a clock ages), its log kept off the terminal.
    An index that only grows is written anew half as often as the engine would.

    To use the space of what was deleted again, the engine looks for it: of a graph that only grows it reads every page
    of all executions, each five seconds while it fires, and after two million fires that took a third of the rate. So
    it is let do so only where *reuse_space* says that executions are deleted at all.

    A command's rows come back with it: the binding's other way, a cursor read later, costs a second crossing and keeps
    the parameters of 4,096 commands for ever, which was two thirds of a kilobyte and more for each fire.

    Where a service answers queries of users, each statement is *bounded* in time; a check of a whole graph is not.

    A value that the user has set wins, argument by argument; but for the arguments that keep a query from files and
    addresses, which stand last, where the engine takes them.
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
    """Return the user's arguments among ours; merged again, they stay as they are."""
    lacking = [name + value for name, value in ours.items() if not any(_is_same(name, each) for each in given)]
    allowed = [each for each in given if not each.startswith(tuple(_GUARDS))]
    return [*lacking, *allowed, *(name + value for name, value in _GUARDS.items())]


def _is_same(name: str, argument: str) -> bool:
    """Whether *argument* says what the one that begins with *name* would; a heap's size is said in several ways."""
    return argument.startswith(_HEAP if name == "-Xmx" else name)


ENFORCED: Final = ("ARCADEDB_NATIVE_ISOLATE_ARGS", "ARCADEDB_JVM_ARGS")
"""The variables that hold arguments of ours beside the user's."""
_NATIVE, _JVM = ENFORCED
_HEAP: Final = ("-Xmx", "-XX:MaximumHeapSizePercent=", "-XX:MaxRAM=")
_ARGUMENTS: Final = {
    "-Xmx": "512m",
    "-Darcadedb.maxPageRAM=": "128",
    "-Darcadedb.indexCompactionMinPagesSchedule=": "4",
    "-Darcadedb.indexCompactionFullSeriesThreshold=": "20",
    "-Darcadedb.queryMaxConcurrent=": "4",
}
"""By how each begins. The last one is about queries over Bolt: as many as may run at once."""
_GUARDS: Final = {
    "-Darcadedb.opencypher.loadCsv.allowFileUrls=": "false",
    "-Darcadedb.opencypher.loadCsv.allowRemoteUrls=": "false",
    "-Darcadedb.polyglotEngineEnabled=": "false",
}
