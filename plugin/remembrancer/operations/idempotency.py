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
    idempotency_key = IDEMPOTENCY_KEY.get()
    if idempotency_key is None:
        return await act()
    if handled := await reject_reuse(requests, idempotency_key):
        return await again(handled)
    try:
        done = await act()
    except RemembrancerError:
        if handled := await _concurrent_duplicate(requests, idempotency_key):
            return await again(handled)
        raise
    if not done and (handled := await _concurrent_duplicate(requests, idempotency_key)):
        return await again(handled)
    return done


async def reject_reuse(requests: IdempotencyStore, idempotency_key: IdempotencyKey) -> IdempotencyRecord | None:
    """Return the record of this request, if there is one. Raises IdempotencyKeyReused: it is of another request."""
    handled = await requests.find(idempotency_key)
    if handled and handled.digest != idempotency_key.digest:
        raise IdempotencyKeyReused(idempotency_key.given)
    return handled


async def _concurrent_duplicate(
    requests: IdempotencyStore, idempotency_key: IdempotencyKey
) -> IdempotencyRecord | None:
    """Return the record of a concurrent duplicate of this request, if it won."""
    handled = await requests.find(idempotency_key)
    return handled if handled and handled.digest == idempotency_key.digest else None
