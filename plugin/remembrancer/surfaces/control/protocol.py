"""The frames of the control channel: JSON-RPC 2.0, one frame a line.

Its methods are the operations of `remembrancer.operations.catalog`.
"""

from __future__ import annotations

import json
from typing import Final, cast

from remembrancer.errors import GraphUnavailable
from remembrancer.model.json_bounds import read_json

MAX_FRAME: Final = 16 * 1024 * 1024
"""Bytes in one frame, its newline included; a longer one ends the connection."""

VERSION: Final = "2.0"
"""Of JSON-RPC."""
PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
NO_METHOD: Final = -32601
INVALID_PARAMS: Final = -32602


def to_frame(message: dict[str, object]) -> bytes:
    """Return *message* as one line. Raises GraphUnavailable: it is longer than a frame may be."""
    frame = json.dumps({"jsonrpc": VERSION, **message}, separators=(",", ":")).encode() + b"\n"
    if len(frame) > MAX_FRAME:
        raise GraphUnavailable(
            f"The message has {len(frame):,} bytes, the channel takes {MAX_FRAME:,}. Ask for less (LIMIT)."
        )
    return frame


def from_frame(frame: bytes, *, is_finite: bool = False) -> dict[str, object]:
    """Return the message in *frame*; raises ValueError for anything but a JSON object.

    An answer may hold NaN, which a query can return; a call may not: then *is_finite*.
    """
    message = read_json(frame, is_finite=is_finite)
    if not isinstance(message, dict):
        raise ValueError("a frame is a JSON object")  # noqa: TRY004 (json raises ValueError as well: one error for a bad frame)
    return cast("dict[str, object]", message)
