"""Bring a graph's schema up to this version, and refuse one that is ahead of it."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING
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


class OpenMode(Enum):
    """What a graph is opened for."""

    WORK = auto()
    BE_READ = auto()
    """By a copy: nothing of it may change, its schema neither."""
    BE_LOOKED_AT = auto()
    """By people, read-only: a part of it may be missing."""
    BE_CHECKED = auto()
    """By a check: nothing of it may change, and a part of it may be missing."""
    BE_WRITTEN = auto()
    """By a copy, which may have been broken off before."""


def version_mark(step: Migration) -> Row:
    """Return the parameters that mark a graph; the id is for one that has none yet."""
    return {"version": step.version, "graph_id": uuid4().hex}


def steps_ahead(steps: Sequence[Migration], found: Sequence[Row], shown: str, use: OpenMode) -> Sequence[Migration]:
    """Return the steps that a graph, standing as *found*, has not seen. Raises what is against its *use*."""
    version = found[0]["version"] if found else 0
    newest = steps[-1].version
    if version > newest:
        raise GraphTooNew(
            f"The graph {shown} has schema version {version}; this remembrancer knows up to {newest}. "
            "Install a newer remembrancer; nothing was changed."
        )
    if (
        use not in {OpenMode.BE_WRITTEN, OpenMode.BE_LOOKED_AT, OpenMode.BE_CHECKED}
        and found
        and (copying := found[0]["copying_from"])
    ):
        raise CopyIncomplete(
            f"A copy of {copying} into the graph {shown} was broken off, or is under way: a part of it is missing. "
            f"`remembrancer copy` with the same two graphs goes on with it."
        )
    if use is OpenMode.BE_CHECKED and version == 0:
        return ()
    to_read = use in {OpenMode.BE_READ, OpenMode.BE_LOOKED_AT, OpenMode.BE_CHECKED}
    if to_read and version == 0:
        raise GraphNotFound(f"There is no graph {shown}: nothing of a schedule is kept there.")
    if to_read and version < newest:
        raise GraphTooOld(
            f"The graph {shown} has schema version {version}, and this remembrancer needs {newest}. "
            "What is only read is not changed: open it once, with `remembrancer status`, to renew it."
        )
    return [step for step in steps if step.version > version]
