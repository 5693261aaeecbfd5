"""A full disk, as an operating system or an engine says it in its own words."""

from __future__ import annotations

from typing import Final

_SAID: Final = ("No space left", "ENOSPC", "Disk quota exceeded", "EDQUOT")


def is_disk_full(fault: str) -> bool:
    """Return whether the text of a *fault* says that a disk has no room."""
    return any(each in fault for each in _SAID)
