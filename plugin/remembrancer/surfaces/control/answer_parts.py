"""Long lists of the control channel: sent in several frames, and joined again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import RemembrancerError
from remembrancer.surfaces.control import protocol
from remembrancer.surfaces.control.errors import to_failure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

_PART: Final = 1024 * 1024
"""Characters in one part."""


def to_frames(number: object, served: dict[str, object]) -> Iterator[bytes]:
    """Yield the frames of what was *served*: one, unless it is a long list; then its parts under `part`, and its end.

    The end is written as a whole answer is, and a part as none: a client that knows nothing of parts takes none of
    them for all there is.
    """
    result = served.get("result")
    try:
        if isinstance(result, list):
            yield from _parts(number, cast("list[object]", result))
        else:
            yield protocol.to_frame({"id": number, **served})
    except RemembrancerError as error:  # too long for a frame all the same
        yield protocol.to_frame({"id": number, "error": to_failure(error)})


async def whole_answer(next_frame: Callable[[], Awaitable[bytes]]) -> dict[str, object]:
    """Return the next answer; one that comes in parts as if it had come at once. Raises ValueError."""
    parts: list[object] = []
    while "part" in (message := protocol.from_frame(await next_frame())):
        parts += cast("list[object]", message["part"])
    if parts and "result" in message:
        message["result"] = [*parts, *cast("list[object]", message["result"])]
    return message


def _parts(number: object, result: list[object]) -> Iterator[bytes]:
    part: list[object] = []
    size = 0
    for each in result:
        length = len(json.dumps(each))
        if part and size + length > _PART:
            yield protocol.to_frame({"id": number, "part": part})
            part, size = [], 0
        part.append(each)
        size += length
    yield protocol.to_frame({"id": number, "result": part})
