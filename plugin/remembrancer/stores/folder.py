"""The folder of an embedded graph: how it is laid out, opened, and what can be wrong with it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphFull, GraphLocked, GraphMissing, GraphUnavailable, NotAGraph

if TYPE_CHECKING:
    from remembrancer.stores.engine import Database, Engine

DATABASE: Final = "remembrancer"
_OURS: Final = frozenset({"databases", "config", "serve.json", "backups", "log"})


def database_path(folder: Path) -> Path:
    """Return where the database lies in a graph's folder: where the engine's own server looks for it."""
    return folder / "databases" / DATABASE


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


def open_database(engine: Engine, folder: Path) -> Database:
    """Open the database in *folder*, making it where there is none yet.

    Raises:
        GraphMissing: The folder's parent is not there, or it may not be written.
        NotAGraph: The folder holds something else.
        GraphLocked: Another process has it open.
        GraphUnavailable: The engine cannot open it.
    """
    _look_at(folder)
    path = database_path(folder)
    try:
        if engine.database_exists(str(path)):
            return engine.open_database(str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        return engine.create_database(str(path))
    except OSError as refused:
        raise GraphMissing(f"The graph's folder {folder} cannot be written: {refused}.") from refused
    except engine.ArcadeDBError as error:
        raise meaning(folder, str(error)) from error


def _look_at(folder: Path) -> None:
    """Refuse a folder that cannot hold a graph, before the engine touches it."""
    if folder.exists() and not folder.is_dir():
        raise NotAGraph(
            f"{folder} is a file, and a graph is a folder. Name a folder that is a graph, empty, or not there yet."
        )
    if not folder.exists():
        if not folder.parent.is_dir():
            raise GraphMissing(
                f"There is no folder {folder.parent} to make the graph {folder.name!r} in. Make it first."
            )
        try:
            folder.mkdir()
        except OSError as refused:
            raise GraphMissing(f"The folder {folder} cannot be made: {refused}.") from refused
    strangers = sorted(entry.name for entry in folder.iterdir() if entry.name not in _OURS)
    if strangers and not database_path(folder).is_dir():
        raise NotAGraph(
            f"{folder} is no graph: it holds {', '.join(strangers[:5])}. Name a graph's folder or an empty one."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise GraphMissing(f"The folder {folder} may not be written by this user.")


def meaning(folder: Path, text: str) -> GraphUnavailable:
    """Say in our words why the engine did not open the folder."""
    if "LockException" in text or "locked by another" in text:
        return GraphLocked(
            f"The graph {folder} is held by another process. While `remembrancer serve` holds a graph, "
            "the other commands reach it by themselves, and the neo4j driver reads it at the Bolt port that it prints. "
            "Otherwise stop the other process first."
        )
    if "active instance" in text:
        return GraphLocked(f"The graph {folder} is open in this process already: use the service that has it open.")
    if "Permission denied" in text or "AccessDenied" in text:
        return GraphMissing(f"The graph {folder} may not be written by this user: {text}")
    if "No space left" in text:
        return GraphFull(f"The disk is full: the graph {folder} cannot be opened. Free some space first. ({text})")
    return GraphUnavailable(f"The graph {folder} cannot be opened: {text}")
