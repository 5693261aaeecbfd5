"""The bounds of an answer: it is given up when its caller has gone or its time is over, and encoded off the loop."""

from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_type_hints

from fastapi import Request, Response
from pydantic import TypeAdapter

from remembrancer.surfaces.rest.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

_T = TypeVar("_T")
ANSWER_SECONDS: Final = 60.0
"""How long a list or a report may take; a query in Cypher has limits of its own."""
_LOOK_SECONDS: Final = 0.5
_THREADS: Final = ThreadPoolExecutor(2, thread_name_prefix="remembrancer-answer")
"""Of all answers of this process together: what is worked out here takes the processor, not the time to wait."""
_REQUEST: Final = "request_that_is_answered"


def bounded(
    serve: Callable[..., Coroutine[None, None, object]], seconds: float | None = ANSWER_SECONDS
) -> Callable[..., Awaitable[Any]]:
    """Return *serve*, a route's function, with its answer bounded.

    One that takes the response, to put a header or a status there, has it encoded by the framework: it answers one
    thing, which is small.
    """
    hints = get_type_hints(serve, include_extras=True)
    answer: Any = hints["return"]
    encode = None if Response in hints.values() else TypeAdapter[object](answer).dump_json
    own = inspect.Parameter(_REQUEST, inspect.Parameter.KEYWORD_ONLY, annotation=Request)
    kept = [each.replace(annotation=hints[name]) for name, each in inspect.signature(serve).parameters.items()]

    @wraps(serve)
    async def answered(**asked: Any) -> object:
        request: Request = asked.pop(_REQUEST)
        found = await while_connected(request, serve(**asked), seconds)
        if encode is None:
            return found
        return Response(await on_a_thread(partial(encode, found)), media_type="application/json")

    vars(answered)["__signature__"] = inspect.Signature([*kept, own], return_annotation=answer)
    return answered


async def while_connected(request: Request, work: Coroutine[None, None, _T], seconds: float | None) -> _T:
    """Return what *work* returns, in this task; it is cancelled as soon as the caller is gone.

    Raises Refusal: the caller is gone, or the time is over.
    """
    limit = asyncio.timeout(seconds)
    gone = asyncio.Event()
    try:
        async with limit:
            watching = asyncio.ensure_future(_watch(request, limit, gone))
            try:
                return await work
            finally:
                watching.cancel()
    except TimeoutError:
        if not limit.expired():
            raise
        if gone.is_set():
            raise Refusal(_GONE, "gone", "The caller has gone.") from None
        detail = f"No answer within {seconds:g} s: ask for less at a time, such as by limit and cursor."
        raise Refusal(503, "too-long", detail, {"Retry-After": "10"}) from None


async def _watch(request: Request, limit: asyncio.Timeout, gone: asyncio.Event) -> None:
    """End the time of an answer when its caller goes."""
    while not await request.is_disconnected():  # noqa: ASYNC110 (the framework has no event for it)
        await asyncio.sleep(_LOOK_SECONDS)
    gone.set()
    limit.reschedule(asyncio.get_running_loop().time())


async def on_a_thread(work: Callable[[], _T]) -> _T:
    """Return what *work* returns, which takes the processor for a while, beside the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)


_GONE: Final = 499
