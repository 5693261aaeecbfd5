"""A file of unreadable records that were removed from a graph: one JSON object per line."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from remembrancer.stores.private_files import PRIVATE_FILE, make_private
from remembrancer_schema.kinds import KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from remembrancer.stores.commits.statement import Row


class UnreadableFile:
    """Appends to one file, which is created on first use; only its owner may read it.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, label: str, refused: Sequence[tuple[Row, str]]) -> None:
        """Write records to the disk, each with its fault, before they are removed from the graph."""
        make_private(self._path.parent)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            for node, fault in refused:
                line = {"label": label, "key": node.get(KEYS[label]), "fault": fault, "properties": node}
                file.write(json.dumps(line, default=str) + "\n")
            file.flush()
            os.fsync(file.fileno())
