"""Detection of a full disk, by the messages of operating systems and engines."""

from __future__ import annotations

from typing import Final

_SAID: Final = ("No space left", "ENOSPC", "Disk quota exceeded", "EDQUOT")


def is_disk_full(fault: str) -> bool:
    """Return True if the text of a *fault* says that a disk is full."""
    return any(each in fault for each in _SAID)
