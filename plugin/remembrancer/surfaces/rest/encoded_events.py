"""Encoded events: each event is encoded once, and sent to all readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi.sse import format_sse_event

if TYPE_CHECKING:
    from remembrancer.model.event import Event

_KEPT: Final = 2000


class EncodedEvents:
    """A cache of the latest events' text: the feed gives the same object to all readers at the same cursor."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Event, str, bytes]] = {}

    def text(self, event: Event) -> str:
        """Return the event as JSON."""
        return self._of(event)[1]

    def sse(self, event: Event) -> bytes:
        """Return the event as a server-sent event."""
        return self._of(event)[2]

    def _of(self, event: Event) -> tuple[Event, str, bytes]:
        kept = self._kept.get(id(event))  # by identity: comparing contents would cost as much as encoding
        if kept is None or kept[0] is not event:
            text = event.model_dump_json(exclude_none=True)
            kept = event, text, format_sse_event(id=event.cursor, event=event.kind, data_str=text)
            self._kept[id(event)] = kept
            if len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return kept
