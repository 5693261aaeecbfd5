"""Act once on a request that may be sent again, and the next time tell what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from remembrancer.context import MARK
from remembrancer.errors import RemembrancerError, RequestKeyTaken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer.model.request import RequestMark
    from remembrancer.ports.idempotency import Handled, Requests

_T = TypeVar("_T")


async def once(requests: Requests, act: Callable[[], Awaitable[_T]], again: Callable[[Handled], Awaitable[_T]]) -> _T:
    """Act on the request that is under way; if that was done before, have *again* tell what came of it.

    Raises RequestKeyTaken: another request was sent under its key.
    """
    mark = MARK.get()
    if mark is None:
        return await act()
    if handled := await refuse_another(requests, mark):
        return await again(handled)
    try:
        done = await act()
    except RemembrancerError:
        if handled := await _of_a_twin(requests, mark):
            return await again(handled)
        raise
    if not done and (handled := await _of_a_twin(requests, mark)):
        return await again(handled)
    return done


async def refuse_another(requests: Requests, mark: RequestMark) -> Handled | None:
    """Return what was done for this very request. Raises RequestKeyTaken: it was done for another."""
    handled = await requests.find(mark)
    if handled and handled.digest != mark.digest:
        raise RequestKeyTaken(mark.given)
    return handled


async def _of_a_twin(requests: Requests, mark: RequestMark) -> Handled | None:
    """Return what was done meanwhile for the same request, sent twice at once: it stands in the way of doing it."""
    handled = await requests.find(mark)
    return handled if handled and handled.digest == mark.digest else None
