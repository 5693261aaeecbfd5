"""The few calls of the embedded engine that are used here, with types, which the engine does not declare."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from remembrancer.errors import DriverNotInstalled, GraphUnavailable
from remembrancer.stores.embedded.engine_settings import ENFORCED, engine_environment
from remembrancer.stores.private_files import keep_logs_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


class Plain(list[dict[str, Any]]):
    """Rows of nothing but JSON's own kinds of values, keyed by text.

    The binding searches every value of a `list` or `dict` for what JSON cannot carry, one by one and in Python,
    which costs as much as encoding them; it takes a subclass as it is.
    """


class EngineResult(Protocol):
    """The result of a query."""

    def to_list(self) -> list[dict[str, Any]]:
        """Return its rows."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Read its rows a batch at a time; `get` returns a value of a row."""
        ...


class Schema(Protocol):
    """The types of a database."""

    def exists_type(self, name: str) -> bool:
        """Say whether a type is declared."""
        ...


class Database(Protocol):
    """One open database."""

    schema: Schema

    def get_database_path(self) -> str:
        """Return its folder."""
        ...

    def set_wal_flush(self, mode: str) -> None:
        """Choose whether a commit reaches the disk: "yes_full" is fsync, "no" is not."""
        ...

    def begin(self) -> None:
        """Begin a transaction of this thread."""
        ...

    def commit(self) -> None:
        """Commit this thread's transaction."""
        ...

    def rollback(self) -> None:
        """Undo this thread's transaction."""
        ...

    def transaction(self) -> AbstractContextManager[object]:
        """Commit at the end of the block."""
        ...

    def query(self, language: str, text: str, parameters: dict[str, Any], /) -> EngineResult:
        """Run a reading statement."""
        ...

    def command(self, language: str, text: str, parameters: dict[str, Any] | None = None, /) -> EngineResult:
        """Run a writing statement, or DDL."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class EngineModule(Protocol):
    """The engine's module."""

    ArcadeDBError: type[Exception]

    def database_exists(self, path: str) -> bool:
        """Say whether there is a database."""
        ...

    def open_database(self, path: str, *, read_only: bool = False) -> Database:
        """Open one."""
        ...

    def create_database(self, path: str) -> Database:
        """Make one."""
        ...


def prepare_engine(*, reuse_space: bool, bounded: bool) -> None:
    """Choose the engine's settings, as `engine_environment` gives them, for as long as this process lives.

    The first call decides: the engine reads them once, when it is loaded. A value that the user has set wins, but for
    what keeps queries from files and addresses.
    """
    for name, value in engine_environment(reuse_space=reuse_space, bounded=bounded).items():
        if name in ENFORCED:
            os.environ[name] = value
        else:
            os.environ.setdefault(name, value)


def load_engine() -> EngineModule:
    """Import the embedded engine, quiet and bounded.

    Raises:
        DriverNotInstalled: It has no build for this machine.
        GraphUnavailable: It was loaded before this process was forked off: its own threads are missing here, and what
            is written would never reach the disk.
    """
    if _forked:
        raise GraphUnavailable(
            "The graph engine was loaded before this process was forked off, and does not work here. Start processes "
            "that use a graph with the `spawn` or `forkserver` method."
        )
    prepare_engine(reuse_space=False, bounded=False)
    if "arcadedb" not in sys.modules:
        keep_logs_private(Path(os.environ["ARCADEDB_LOG_DIR"]))
    try:
        import arcadedb  # noqa: PLC0415 (its settings had to be set first)  # pyright: ignore[reportMissingTypeStubs]
    except (ImportError, OSError) as missing:
        raise DriverNotInstalled(
            f"The embedded graph engine does not load on this machine ({missing}). It has builds for Linux x64 and "
            "arm64 (glibc), macOS arm64 and Windows x64; elsewhere, install arcadedb-jvm, which has the same interface."
        ) from missing
    return cast("EngineModule", arcadedb)


def as_engine_thread(work: Callable[[], None]) -> None:
    """Do *work*, a daemon thread's whole life, so that the process may end in the middle of it.

    The binding lets a thread go from the engine when the thread's locals are destroyed. Of a daemon that still works
    in the engine, the interpreter destroys them at its end, on another thread, and the engine aborts the process. So
    the binding's hold on the thread is taken away here, and given back when the work is over.
    """
    hold = _hold_on_this_thread()
    was_owned, hold.owned = hold.owned, False
    del hold  # an error's traceback keeps this frame, and what is in it would be destroyed on any thread
    try:
        work()
    finally:
        _hold_on_this_thread().owned = was_owned


def _hold_on_this_thread() -> Any:
    """Attach this thread to the engine, if it is loaded; return what the binding keeps of it, by its own names."""
    binding = cast("Any", sys.modules.get(_BINDING))
    try:
        binding._thread_handle()  # noqa: SLF001
        hold = binding._local.thread  # noqa: SLF001
    except AttributeError:  # not loaded yet; or the JVM's build, which lets its threads go by itself
        hold = SimpleNamespace(owned=False)
    return hold


def _note_fork() -> None:
    """Note in a forked child whether the engine was loaded before."""
    global _forked  # noqa: PLW0603 (it is about the process)
    binding = sys.modules.get(_BINDING)
    _forked = _forked or (binding is not None and binding.loaded())


_BINDING: Final = "arcadedb._native.lib"
_forked = False
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
