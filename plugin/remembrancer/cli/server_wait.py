"""Wait of `remembrancer serve` for a graph's server that does not answer yet."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphUnreachable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_LOG: Final = logging.getLogger("remembrancer")
_FIRST_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 15.0


async def until_it_answers(start: Callable[[], Awaitable[None]]) -> None:
    """Start, again and again while the graph's server does not answer; whatever else is wrong is raised at once."""
    seconds = _FIRST_SECONDS
    warned = False
    while True:
        try:
            await start()
        except GraphUnreachable as unreachable:
            _LOG.log(
                logging.DEBUG if warned else logging.WARNING,
                "%s Waiting until it does, with a try every %g seconds at the least; Ctrl-C ends it.",
                unreachable,
                _LONGEST_SECONDS,
            )
            warned = True
            await asyncio.sleep(seconds)
            seconds = min(2 * seconds, _LONGEST_SECONDS)
        else:
            if warned:
                _LOG.warning("The graph's server answers.")
            return
