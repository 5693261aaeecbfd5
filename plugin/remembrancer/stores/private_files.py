"""File modes: folders and files of a graph are private to their owner, whatever the process's umask is.

The engine creates its files in native code with the umask, which belongs to the whole process and the application.
So the folder around them is made private first, and the modes of files are corrected after their creation.
"""

from __future__ import annotations

import logging
import os
import shlex
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600
_LOG: Final = logging.getLogger("remembrancer")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_HAS_MODES: Final = sys.platform != "win32"
_LOG_FILES: Final = "arcadedb.log*"
_LOG_SETTINGS: Final = "logging-file-only.properties"
_warned: set[Path] = set()
_logs: list[_PrivateLogs] = []


class PrivateFiles:
    """The files that this process creates in one folder, kept private to their owner.

    In a folder that other users could enter when it was opened, files that they could open keep their modes.

    Args:
        folder: A graph's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = _below(folder) if exposure(folder) else ()
        self._others = frozenset(path for path in found if _is_wide(path))

    def tighten(self) -> None:
        """Correct the modes of new files, and of the engine's log."""
        _tighten(path for path in _below(self._folder) if path not in self._others)
        for each in _logs:
            each.tighten()


class _PrivateLogs:
    """The engine's log files, kept private to their owner.

    Args:
        folder: The folder of the engine's log; it is created if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with suppress(OSError):  # the engine reports the problem, and works without a log
            make_private(folder)
        found = self._files() if exposure(folder) else ()  # the files of a private folder are private
        self._others = frozenset(path.stat().st_ino for path in found if _is_wide(path))
        if self._others:
            said = f"The engine's log in {folder} can be read by other users of this machine"
            _warn(folder, said, f"chmod go= {shlex.quote(str(folder.absolute()))}/{_LOG_FILES}")

    def tighten(self) -> None:
        """Correct the modes of new log files; the engine renames old ones."""
        _tighten([self._folder / _LOG_SETTINGS])
        with suppress(OSError):
            _tighten(path for path in self._files() if path.stat().st_ino not in self._others)

    def _files(self) -> Iterator[Path]:
        with suppress(OSError):
            yield from self._folder.glob(_LOG_FILES)


def keep_logs_private(folder: Path) -> None:
    """Create the *folder* of the engine's log before the engine is loaded, and keep its files private."""
    _logs.append(_PrivateLogs(folder))


def make_private(folder: Path) -> None:
    """Create *folder* and its missing parents for this user alone. Raises OSError.

    An existing folder keeps its mode.
    """
    missing = [folder, *folder.parents]
    for each in reversed([path for path in missing if not path.exists()]):
        each.mkdir(PRIVATE_FOLDER, exist_ok=True)


def exposure(folder: Path) -> str | None:
    """Return a warning that other users can enter *folder*, with the remedy; None if it is private."""
    try:
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError:
        return None
    if not _HAS_MODES or not mode & _OTHERS:
        return None
    return f"other users of this machine can enter {folder} (mode {mode:04o}): {_mending(folder)}"


def warn_if_exposed(folder: Path) -> None:
    """Log once per process that other users can enter *folder*."""
    if exposure(folder):
        _warn(folder, f"The graph {folder} can be read by other users of this machine", _mending(folder))


def _mending(folder: Path) -> str:
    return f"chmod -R go= {shlex.quote(str(folder.absolute()))}"


def _warn(folder: Path, said: str, command: str) -> None:
    if folder.absolute() not in _warned:
        _warned.add(folder.absolute())
        _LOG.warning("%s. Its modes were not changed; to make it private, run: %s", said, command)


def _tighten(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):  # deleted since, or owned by another user
            if _is_wide(path):
                path.chmod(PRIVATE_FOLDER if path.is_dir() else PRIVATE_FILE)


def _is_wide(path: Path) -> bool:
    """Return True if others than the owner have any permission; a link has no mode of its own."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return _HAS_MODES and not stat.S_ISLNK(mode) and bool(mode & _OTHERS)


def _below(folder: Path) -> Iterator[Path]:
    """Yield everything in *folder*; links are not followed."""
    for above, folders, files in os.walk(folder):
        yield from (Path(above, name) for name in (*folders, *files))
