"""Migrations of a graph's schema to this version, and the versions that are rejected."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from remembrancer.errors import (
    CopyIncomplete,
    GraphNotFound,
    GraphTooNew,
    GraphTooOld,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.stores.commits.statement import Row
    from remembrancer_schema.catalog import Migration

_BEFORE_RELEASE: Final = (
    "The graph {graph} was written before the first release of remembrancer, which has given labels and properties "
    "their final names: this version can neither use nor convert it. Nothing was changed. Read it with the version "
    "that wrote it (`remembrancer list --all --json`, `remembrancer audit export`), and schedule its open tasks again "
    "in a new folder or database."
)


class OpenMode(Enum):
    """The purpose of opening a graph."""

    SERVE = auto()
    COPY_SOURCE = auto()
    """By a copy: nothing may change, not even its schema."""
    INSPECT = auto()
    """By people, read-only: parts may be missing."""
    CHECK = auto()
    """By a check: nothing may change, and parts may be missing."""
    COPY_TARGET = auto()
    """By a copy, which may have been interrupted before."""


def version_mark(step: Migration) -> Row:
    """Return the parameters of a graph's mark; the id is for a graph without one."""
    return {"version": step.version, "graph_id": uuid4().hex}


def steps_ahead(steps: Sequence[Migration], found: Sequence[Row], shown: str, use: OpenMode) -> Sequence[Migration]:
    """Return the migrations that a graph with the mark *found* needs. Raises an error that prevents its *use*."""
    version = found[0]["version"] if found else 0
    if version is None:
        raise GraphTooOld(_BEFORE_RELEASE.format(graph=shown))
    newest = steps[-1].version
    if version > newest:
        raise GraphTooNew(
            f"The graph {shown} has schema version {version}; this remembrancer knows up to {newest}. "
            "Install a newer remembrancer; nothing was changed."
        )
    if (
        use not in {OpenMode.COPY_TARGET, OpenMode.INSPECT, OpenMode.CHECK}
        and found
        and (copying := found[0]["copy_source"])
    ):
        raise CopyIncomplete(
            f"A copy of {copying} into the graph {shown} was interrupted, or is in progress: parts are missing. "
            f"`remembrancer copy` with the same two graphs resumes it."
        )
    if use is OpenMode.CHECK and version == 0:
        return ()
    to_read = use in {OpenMode.COPY_SOURCE, OpenMode.INSPECT, OpenMode.CHECK}
    if to_read and version == 0:
        raise GraphNotFound(f"There is no graph {shown}: it holds no data of a scheduler.")
    if to_read and version < newest:
        raise GraphTooOld(
            f"The graph {shown} has schema version {version}, and this remembrancer needs {newest}. "
            "A read-only graph is not migrated: open it once with `remembrancer status` to migrate it."
        )
    return [step for step in steps if step.version > version]
