"""Messages of the control channel as lines of JSON: bounded, and a list too long for one line in several."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import GraphUnavailable
from remembrancer.model.json_bounds import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FRAME: Final = 16 * 1024 * 1024
"""Bytes in one frame, its newline included; a longer one ends the connection."""
_PART: Final = 1024 * 1024
"""Characters in one part of a list that is answered in parts."""


def to_frame(message: dict[str, object]) -> bytes:
    """Return *message* as one line. Raises GraphUnavailable: it is longer than a frame may be."""
    frame = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode() + b"\n"
    if len(frame) > MAX_FRAME:
        raise _too_long(len(frame))
    return frame


def _too_long(length: int) -> GraphUnavailable:
    return GraphUnavailable(f"The message has {length:,} bytes, the channel takes {MAX_FRAME:,}. Ask for less (LIMIT).")


def to_frames(number: object, result: object) -> Iterator[bytes]:
    """Yield the frames of an answer: one, unless it is a list too long for that; then its parts, and its end.

    An end is written as a whole answer is: a client that knows nothing of parts is never taken in by the last of them.
    """
    if not isinstance(result, list):
        yield to_frame({"id": number, "result": result})
        return
    part: list[str] = []
    size = 0
    for each in cast("list[object]", result):
        written = json.dumps(each, separators=(",", ":"))
        if part and size + len(written) > _PART:
            yield _list_frame(number, "part", part)
            part, size = [], 0
        part.append(written)
        size += len(written) + 1
    yield _list_frame(number, "result", part)


def _list_frame(number: object, member: str, items: list[str]) -> bytes:
    frame = f'{{"jsonrpc":"2.0","id":{json.dumps(number)},"{member}":[{",".join(items)}]}}\n'.encode()
    if len(frame) > MAX_FRAME:
        raise _too_long(len(frame))
    return frame


def from_frame(frame: bytes) -> dict[str, object]:
    """Return the message in *frame*; raises ValueError for anything but a JSON object."""
    message = read_json(frame)
    if not isinstance(message, dict):
        raise ValueError("a frame is a JSON object")  # noqa: TRY004 (json raises ValueError as well: one error for a bad frame)
    return cast("dict[str, object]", message)
