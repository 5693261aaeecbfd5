"""Idempotent execution: a request that is sent again is not acted on again, and returns the first result."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from remembrancer.context import IDEMPOTENCY_KEY
from remembrancer.errors import IdempotencyKeyReused, RemembrancerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer.model.idempotency import IdempotencyKey
    from remembrancer.ports.idempotency import IdempotencyRecord, IdempotencyStore

_T = TypeVar("_T")


async def run_once(
    requests: IdempotencyStore, act: Callable[[], Awaitable[_T]], again: Callable[[IdempotencyRecord], Awaitable[_T]]
) -> _T:
    """Act on the current request; if it was acted on before, return the result by *again*.

    Raises IdempotencyKeyReused: another request was sent under its key.
    """
    mark = IDEMPOTENCY_KEY.get()
    if mark is None:
        return await act()
    if handled := await reject_reuse(requests, mark):
        return await again(handled)
    try:
        done = await act()
    except RemembrancerError:
        if handled := await _concurrent_duplicate(requests, mark):
            return await again(handled)
        raise
    if not done and (handled := await _concurrent_duplicate(requests, mark)):
        return await again(handled)
    return done


async def reject_reuse(requests: IdempotencyStore, mark: IdempotencyKey) -> IdempotencyRecord | None:
    """Return the record of this request, if there is one. Raises IdempotencyKeyReused: it is of another request."""
    handled = await requests.find(mark)
    if handled and handled.digest != mark.digest:
        raise IdempotencyKeyReused(mark.given)
    return handled


async def _concurrent_duplicate(requests: IdempotencyStore, mark: IdempotencyKey) -> IdempotencyRecord | None:
    """Return the record of a concurrent duplicate of this request, if it won."""
    handled = await requests.find(mark)
    return handled if handled and handled.digest == mark.digest else None
