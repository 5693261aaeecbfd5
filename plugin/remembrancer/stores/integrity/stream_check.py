"""The streams of the event log against their batches: a stream counts on from its last event, which has to be there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from remembrancer.stores.records.event_log import KEYS_OF_A_STREAM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from remembrancer.stores.commits.statement import Row


@dataclass(slots=True)
class StreamExtent:
    """What the batches of one stream hold, and which events are missing between them: from and to."""

    oldest: int
    newest: int
    holes: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


class StreamCheck:
    """Compares streams with batches: give it every batch, in order, and every stream."""

    def __init__(self) -> None:
        self._held: dict[int, StreamExtent] = {}
        self._told: dict[int, tuple[int, int]] = {}

    def add_batch(self, node: Row) -> None:
        """Note a batch, by its key."""
        stream, newest = divmod(node["batch_key"], KEYS_OF_A_STREAM)
        first = newest - node["count"] + 1
        held = self._held.setdefault(stream, StreamExtent(first, first - 1))
        if first != held.newest + 1:
            held.holes.append((held.newest + 1, first - 1))
        held.newest = newest

    def add_stream(self, node: Row) -> None:
        """Note a stream."""
        self._told[node["stream"]] = node["oldest"], node["newest"]

    def wrong(self) -> Mapping[int, str]:
        """Return the streams that tell of other events than there are, each with what is wrong."""
        found: dict[int, str] = {}
        for stream in sorted(self._held.keys() | self._told.keys()):
            told, held = self._told.get(stream), self._held.get(stream)
            if told is None:
                found[stream] = "it is missing"
            elif held is None and told[0] <= told[1]:
                found[stream] = f"it says {told[0]} to {told[1]}, and no event is there"
            elif held and told != (held.oldest, held.newest):
                found[stream] = f"it says {told[0]} to {told[1]}, and {held.oldest} to {held.newest} are there"
            elif held and held.holes:
                found[stream] = f"events are missing between others, {len(held.holes)} times"
        return found

    def holes(self) -> list[tuple[int, int, int]]:
        """Return which events are missing between others: the stream, and from which number to which."""
        return [(stream, *hole) for stream, held in self._held.items() for hole in held.holes if hole[0] <= hole[1]]

    def mended(self, streams: Iterable[int]) -> list[Row]:
        """Return the properties of these streams as they follow from the batches; their numbers never go back."""
        rows: list[Row] = []
        for stream in streams:
            newest = self._told.get(stream, (1, 0))[1]
            held = self._held.get(stream)
            last = max(newest, held.newest if held else 0)
            is_whole = held is not None and held.newest == last
            rows.append({"stream": stream, "oldest": held.oldest if held and is_whole else last + 1, "newest": last})
        return rows
