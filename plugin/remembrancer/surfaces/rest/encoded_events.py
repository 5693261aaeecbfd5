"""The texts of events: each is written once, and sent to all who follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi.sse import format_sse_event

if TYPE_CHECKING:
    from remembrancer.model.event import Event

_KEPT: Final = 2000


class EncodedEvents:
    """Keeps the texts of the latest events: the feed gives the same event to all readers at the same place."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Event, str, bytes]] = {}

    def text(self, event: Event) -> str:
        """Return the event as JSON."""
        return self._of(event)[1]

    def sse(self, event: Event) -> bytes:
        """Return the event as a server-sent one."""
        return self._of(event)[2]

    def _of(self, event: Event) -> tuple[Event, str, bytes]:
        kept = self._kept.get(id(event))  # found by what it is, not by what it holds: that would cost as much
        if kept is None or kept[0] is not event:
            text = event.model_dump_json(exclude_none=True)
            kept = event, text, format_sse_event(id=event.cursor, event=event.kind, data_str=text)
            self._kept[id(event)] = kept
            if len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return kept
