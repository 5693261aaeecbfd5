"""Comparison of the event log's streams with their batches: a stream numbers events from its last stored one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from remembrancer.stores.records.event_log import KEYS_OF_A_STREAM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from remembrancer.stores.commits.statement import Row


@dataclass(slots=True)
class StreamExtent:
    """The range of one stream's batches, and the gaps between them: from and to."""

    oldest: int
    newest: int
    holes: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


class StreamCheck:
    """Compares streams with batches; it needs every batch, in order, and every stream."""

    def __init__(self) -> None:
        self._held: dict[int, StreamExtent] = {}
        self._counted: dict[int, tuple[int, int]] = {}

    def add_batch(self, node: Row) -> None:
        """Add a batch, by its key."""
        stream, newest = divmod(node["batch_key"], KEYS_OF_A_STREAM)
        first = newest - node["count"] + 1
        held = self._held.setdefault(stream, StreamExtent(first, first - 1))
        if first != held.newest + 1:
            held.holes.append((held.newest + 1, first - 1))
        held.newest = newest

    def add_stream(self, node: Row) -> None:
        """Add a stream."""
        self._counted[node["stream"]] = node["oldest"], node["newest"]

    def wrong(self) -> Mapping[int, str]:
        """Return the streams whose range differs from the stored events, each with the difference."""
        found: dict[int, str] = {}
        for stream in sorted(self._held.keys() | self._counted.keys()):
            counted, held = self._counted.get(stream), self._held.get(stream)
            if counted is None:
                found[stream] = "it is missing"
            elif held is None and counted[0] <= counted[1]:
                found[stream] = f"it counts {counted[0]} to {counted[1]}, but no event exists"
            elif held and counted != (held.oldest, held.newest):
                found[stream] = f"it counts {counted[0]} to {counted[1]}, but {held.oldest} to {held.newest} exist"
            elif held and held.holes:
                found[stream] = f"it has {len(held.holes)} gaps"
        return found

    def holes(self) -> list[tuple[int, int, int]]:
        """Return the gaps: the stream, and the first and last missing number."""
        return [(stream, *hole) for stream, held in self._held.items() for hole in held.holes if hole[0] <= hole[1]]

    def mended(self, streams: Iterable[int]) -> list[Row]:
        """Return the properties of these streams according to the batches; numbers never decrease."""
        rows: list[Row] = []
        for stream in streams:
            newest = self._counted.get(stream, (1, 0))[1]
            held = self._held.get(stream)
            last = max(newest, held.newest if held else 0)
            is_whole = held is not None and held.newest == last
            rows.append({"stream": stream, "oldest": held.oldest if held and is_whole else last + 1, "newest": last})
        return rows
