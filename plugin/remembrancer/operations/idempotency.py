"""Act once on a request that may be sent again, and the next time tell what came of it."""

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
    """Act on the request that is under way; if that was done before, have *again* tell what came of it.

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
        if handled := await _of_a_twin(requests, idempotency_key):
            return await again(handled)
        raise
    if not done and (handled := await _of_a_twin(requests, idempotency_key)):
        return await again(handled)
    return done


async def reject_reuse(requests: IdempotencyStore, idempotency_key: IdempotencyKey) -> IdempotencyRecord | None:
    """Return what was done for this very request. Raises IdempotencyKeyReused: it was done for another."""
    handled = await requests.find(idempotency_key)
    if handled and handled.digest != idempotency_key.digest:
        raise IdempotencyKeyReused(idempotency_key.given)
    return handled


async def _of_a_twin(requests: IdempotencyStore, idempotency_key: IdempotencyKey) -> IdempotencyRecord | None:
    """Return what was done meanwhile for the same request, sent twice at once: it stands in the way of doing it."""
    handled = await requests.find(idempotency_key)
    return handled if handled and handled.digest == idempotency_key.digest else None
