"""Pages of a list: of the requested length, within the size of a response."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import TypeAdapter

from remembrancer.surfaces.rest.bounded_responses import on_a_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

_T = TypeVar("_T")
PAGE_BYTES: Final = 4 * 1024 * 1024
"""Approximate bytes of JSON: the page ends with the batch that exceeds this, and its cursor continues after it."""
_FIRST: Final = 10
_ANY: Final = TypeAdapter[object](object)


async def page_within(
    limit: int, cursor: str | None, read: Callable[[int, str | None], Awaitable[tuple[Sequence[_T], str | None]]]
) -> tuple[list[_T], str | None]:
    """Return up to *limit* values after *cursor*, and the next cursor; None at the end.

    They are read in batches: the size of the first ones tells how many more fit.
    """
    found: list[_T] = []
    size, wanted = 0, min(limit, _FIRST)
    while True:
        part, cursor = await read(wanted, cursor)
        found += part
        size += len(await on_a_thread(partial(_ANY.dump_json, part)))
        room = (PAGE_BYTES - size) * max(1, len(found)) // max(1, size)
        wanted = min(limit - len(found), room)
        if cursor is None or wanted < 1:
            return found, cursor
