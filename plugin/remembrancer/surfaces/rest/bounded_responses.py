"""The bounds of an answer: it is given up when its caller has gone or its time is over, and encoded off the loop."""

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
"""How long a list or a report may take; a query in Cypher has limits of its own."""
_LOOK_SECONDS: Final = 0.5
_THREADS: Final = ThreadPoolExecutor(2, thread_name_prefix="remembrancer-answer")
"""Of all answers of this process together: what is worked out here takes the processor, not the time to wait."""
_REQUEST: Final = "request_that_is_answered"


class Ended(StrEnum):
    """Why an answer under way was ended."""

    GONE = "The caller has gone."
    STOPPED = "The scheduler stops: ask the next one."


class BoundedResponses:
    """The answers under way."""

    def __init__(self) -> None:
        self._under_way: dict[asyncio.Timeout, Ended | None] = {}
        self._closed = False

    def close(self) -> None:
        """End every answer under way: the server is about to stop."""
        self._closed = True
        for limit in list(self._under_way):
            self._end(limit, Ended.STOPPED)

    def bounded(
        self, serve: Callable[..., Awaitable[object]], seconds: float | None = ANSWER_SECONDS
    ) -> Callable[..., Awaitable[object]]:
        """Return *serve*, a route's function, with its answer bounded.

        One that takes the response, to put a header or a status there, has it encoded by the framework: it answers one
        thing, which is small.
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
        """Return what *work* returns, in this task; it is cancelled when the caller has gone, or the server stops.

        Raises Refusal: that is so, or the time is over.
        """
        limit = asyncio.timeout(0 if self._closed else seconds)
        self._under_way[limit] = Ended.STOPPED if self._closed else None
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
        """End an answer when its caller goes."""
        while not await request.is_disconnected():  # noqa: ASYNC110 (the framework has no event for it)
            await asyncio.sleep(_LOOK_SECONDS)
        self._end(limit, Ended.GONE)

    def _end(self, limit: asyncio.Timeout, why: Ended) -> None:
        if self._under_way.get(limit, why) is None and not limit.expired():
            self._under_way[limit] = why
            with suppress(RuntimeError):  # it ends already
                limit.reschedule(asyncio.get_running_loop().time())


def _refusal(why: Ended | None, seconds: float | None) -> ProblemError:
    if why is Ended.GONE:
        return ProblemError(_GONE, "gone", why)
    if why is Ended.STOPPED:
        return ProblemError(503, "service-stopped", why, {"Retry-After": "10"})
    detail = f"No answer within {seconds:g} s: ask for less at a time, such as by limit and cursor."
    return ProblemError(503, "too-long", detail, {"Retry-After": "10"})


async def on_a_thread(work: Callable[[], _T]) -> _T:
    """Return what *work* returns, which takes the processor for a while, beside the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)


_GONE: Final = 499
