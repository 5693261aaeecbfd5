"""Bounds on responses: cancelled on disconnect, timeout or shutdown, and encoded outside the event loop."""

from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import StrEnum
from functools import partial, wraps
from typing import TYPE_CHECKING, Final, TypeVar, cast, get_type_hints

from fastapi import Request, Response
from pydantic import TypeAdapter

from remembrancer.surfaces.rest.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_T = TypeVar("_T")
ANSWER_SECONDS: Final = 60.0
"""Most seconds for a list or a report; a Cypher query has limits of its own."""
_LOOK_SECONDS: Final = 0.5
_THREADS: Final = ThreadPoolExecutor(2, thread_name_prefix="remembrancer-answer")
"""Of all answers of this process together: what is worked out here takes the processor, not the time to wait."""
_REQUEST: Final = "request_that_is_answered"


class CancelReason(StrEnum):
    """The reason why a response was cancelled."""

    GONE = "The client disconnected."
    STOPPED = "The scheduler is shutting down; try again later."


class BoundedResponses:
    """The responses in progress."""

    def __init__(self) -> None:
        self._under_way: dict[asyncio.Timeout, CancelReason | None] = {}
        self._closed = False

    def close(self) -> None:
        """Cancel every response in progress: the server is about to stop."""
        self._closed = True
        for limit in list(self._under_way):
            self._end(limit, CancelReason.STOPPED)

    def bounded(
        self, serve: Callable[..., Awaitable[object]], seconds: float | None = ANSWER_SECONDS
    ) -> Callable[..., Awaitable[object]]:
        """Return *serve*, a route's function, with its response bounded.

        For a function that takes the response, to set a header or a status, the framework encodes the result: it is
        one small object.
        """
        hints = get_type_hints(serve, include_extras=True)
        answer = cast("type[object]", hints["return"])
        encode = None if Response in hints.values() else TypeAdapter[object](answer).dump_json
        own = inspect.Parameter(_REQUEST, inspect.Parameter.KEYWORD_ONLY, annotation=Request)
        kept = [each.replace(annotation=hints[name]) for name, each in inspect.signature(serve).parameters.items()]

        @wraps(serve)
        async def answered(**asked: object) -> object:
            request = cast("Request", asked.pop(_REQUEST))
            found = await self.while_connected(request, serve(**asked), seconds)
            if encode is None:
                return found
            return Response(await on_a_thread(partial(encode, found)), media_type="application/json")

        vars(answered)["__signature__"] = inspect.Signature([*kept, own], return_annotation=answer)
        return answered

    async def while_connected(self, request: Request, work: Awaitable[_T], seconds: float | None) -> _T:
        """Return the result of *work*, run in this task; a disconnect or the server's stop cancels it.

        Raises ProblemError: it was cancelled, or timed out.
        """
        limit = asyncio.timeout(0 if self._closed else seconds)
        self._under_way[limit] = CancelReason.STOPPED if self._closed else None
        try:
            async with limit:
                watching = asyncio.ensure_future(self._watch(request, limit))
                try:
                    return await work
                finally:
                    watching.cancel()
        except TimeoutError:
            if not limit.expired():
                raise
            raise _refusal(self._under_way[limit], seconds) from None
        finally:
            del self._under_way[limit]

    async def _watch(self, request: Request, limit: asyncio.Timeout) -> None:
        """Cancel a response when its client disconnects."""
        while not await request.is_disconnected():  # noqa: ASYNC110 (the framework has no event for it)
            await asyncio.sleep(_LOOK_SECONDS)
        self._end(limit, CancelReason.GONE)

    def _end(self, limit: asyncio.Timeout, why: CancelReason) -> None:
        if self._under_way.get(limit, why) is None and not limit.expired():
            self._under_way[limit] = why
            with suppress(RuntimeError):  # it is already being cancelled
                limit.reschedule(asyncio.get_running_loop().time())


def _refusal(why: CancelReason | None, seconds: float | None) -> ProblemError:
    if why is CancelReason.GONE:
        return ProblemError(_GONE, "gone", why)
    if why is CancelReason.STOPPED:
        return ProblemError(503, "service-stopped", why, {"Retry-After": "10"})
    detail = f"No response within {seconds:g} s: request less at a time, such as with limit and cursor."
    return ProblemError(503, "too-long", detail, {"Retry-After": "10"})


async def on_a_thread(work: Callable[[], _T]) -> _T:
    """Return the result of *work*, which is CPU-bound and runs outside the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)


_GONE: Final = 499
