"""The copy of a whole graph into another one, on either engine, and the proof that the two are equal.

Pages are written under their keys, each together with the progress of the copy, so that an interrupted copy resumes
there. At the end both graphs are read again, counted and digested part by part. A halt holds for the copy too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, cast

from remembrancer.context import current_actor
from remembrancer.errors import CopyMismatch, CopyTargetNotEmpty, GraphLocked
from remembrancer.ports.clock import Clock
from remembrancer.ports.graph_copy import CopyEndpoint, Segment, SegmentPage
from remembrancer.ports.writes import Change

_FROM_THE_START: Final = ""
_MODULUS: Final = 1 << 256
_SERVED: Final = (
    "The graph {graph} is being served by {schedulers}, and cannot be copied meanwhile. Nothing was written. Stop them "
    "and retry; a scheduler that was killed disappears after 1 minute."
)


@dataclass(frozen=True, slots=True)
class CopyStep:
    """The progress of a copy: *done* of *total* nodes are read in one part."""

    phase: str
    """`copy`, or `verify`."""
    part: str
    """The label or type of edge."""
    done: int
    """Nodes or edges read so far."""
    total: int
    """Nodes or edges in the part."""


@dataclass(frozen=True, slots=True)
class CopiedPart:
    """One label or type of edge, the same in both graphs."""

    name: str
    """The name of the label or type."""
    count: int
    """The number of its nodes or edges."""
    digest: str
    """Of all its nodes or edges, whatever their order; equal on every engine."""


@dataclass(frozen=True, slots=True)
class CopyResult:
    """The result of a copy."""

    source: str
    """The graph that was read: a folder or a URI."""
    target: str
    """The graph that was written."""
    went_on: bool
    """True if this copy resumed an interrupted one, or only verified a complete one again."""
    parts: Sequence[CopiedPart]
    """Its labels and types of edges, compared."""


async def copy(
    source: CopyEndpoint, target: CopyEndpoint, watch: Callable[[CopyStep], None], clock: Clock
) -> CopyResult:
    """Copy *source* into *target*, or go on with that, and compare the two.

    The actor and the time of a copy are on its mark, and in no node that the next copy would contain.

    Raises:
        GraphLocked: A scheduler works on one of them; nothing was written.
        CopyTargetNotEmpty: The target holds something else; nothing was written.
        CopyMismatch: The two are not equal: one of them was written to meanwhile.
    """
    for graph in (source, target):
        if schedulers := await graph.active_replicas():
            raise GraphLocked(_SERVED.format(graph=graph.name, schedulers=", ".join(schedulers)))
    mark = await target.progress()
    if mark is None:
        await _look_for_others(target)
    elif mark.source != source.name:
        raise CopyTargetNotEmpty(target.name, f"a copy of {mark.source}")
    if mark is None or not mark.whole:
        part, after = (mark.part, mark.after) if mark else (None, _FROM_THE_START)
        await _copy_parts(source, target, part, after, watch)
    parts = await _compare(source, target, watch)
    if mark is None or not mark.whole:
        author = current_actor()
        await target.complete(Change("copy", clock.now(), author.surface, author.actor), await source.halt())
    return CopyResult(source.name, target.name, mark is not None, parts)


async def _look_for_others(target: CopyEndpoint) -> None:
    held = [part for part in target.segments if (await target.page(part, _FROM_THE_START)).rows]
    if held:
        raise CopyTargetNotEmpty(target.name, ", ".join([f"{await target.size(part):,} {part.name}" for part in held]))


async def _copy_parts(
    source: CopyEndpoint, target: CopyEndpoint, begun: str | None, after: str | None, watch: Callable[[CopyStep], None]
) -> None:
    """Copy the parts from *begun* on, that one from the key *after* on; it is over where that is None."""
    names = [part.name for part in source.segments]
    first = names.index(begun) if begun in names else 0
    for place, part in enumerate(source.segments[first:]):
        here = after if place == 0 else _FROM_THE_START
        total, done = await source.size(part), 0
        while here is not None:
            page = await source.page(part, here)
            await target.write(part, page, source.name)
            here, done = page.after, done + page.walked
            watch(CopyStep("copy", part.name, done, total))


async def _compare(source: CopyEndpoint, target: CopyEndpoint, watch: Callable[[CopyStep], None]) -> list[CopiedPart]:
    parts: list[CopiedPart] = []
    different: list[str] = []
    for part in source.segments:
        total = await source.size(part)
        theirs, ours = await _digest(source, part, target), await _digest(target, part, target)
        if theirs != ours:
            different.append(f"{part.name} ({theirs.count:,} and {ours.count:,})")
        parts.append(CopiedPart(part.name, ours.count, f"{ours.sum:064x}"))
        watch(CopyStep("verify", part.name, total, total))
    if different:
        raise CopyMismatch(source.name, target.name, different)
    return parts


@dataclass(slots=True)
class Digest:
    """A number that is the same for the same rows in any order, and on any engine."""

    count: int = 0
    sum: int = field(default=0)

    def add(self, row: Mapping[str, object]) -> None:
        """Count one row in."""
        text = json.dumps(_canonical(row), sort_keys=True, separators=(",", ":"))
        self.count += 1
        self.sum = (self.sum + int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")) % _MODULUS


async def _digest(graph: CopyEndpoint, part: Segment, target: CopyEndpoint) -> Digest:
    """Digest a part of *graph*, but for what stands in *target* as somebody else's."""
    digest = Digest()
    after: str | None = _FROM_THE_START
    while after is not None:
        page = await graph.page(part, after)
        foreign = await target.foreign_keys(part, _keys(part, page))
        for row in page.rows:
            if row[part.key] not in foreign:
                digest.add(row)
        after = page.after
    return digest


def _keys(part: Segment, page: SegmentPage) -> list[str]:
    return [str(row[part.key]) for row in page.rows]


def _canonical(value: object) -> object:
    """Return *value* as JSON tells it apart: moments in UTC, whole floats as integers, no half character pairs."""
    if isinstance(value, datetime):
        return {"moment": value.astimezone(UTC).isoformat()}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        told = cast("Mapping[str, object]", value)
        return {name: _canonical(each) for name, each in told.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_canonical(each) for each in cast("Sequence[object]", value)]
    return value
