"""Live event streams: server-sent events, and the same events over a WebSocket.

A slow client delays only its own connection: events are read from the graph at the pace of each client.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.types import Receive, Scope, Send

from remembrancer.context import CURRENT_ACTOR
from remembrancer.errors import InvalidInput, RemembrancerError
from remembrancer.model.cursor import from_text
from remembrancer.model.event import EventKind, EventPage
from remembrancer.operations.event_feed import only
from remembrancer.service.service import SchedulerService
from remembrancer.surfaces.rest.encoded_events import EncodedEvents
from remembrancer.surfaces.rest.problems import ProblemError, problem_responses
from remembrancer.surfaces.rest.security import Authenticator, only_known

PROTOCOL: Final = "remembrancer.events.v1"
"""The WebSocket's subprotocol; a browser cannot set headers, and also offers `bearer.TOKEN`."""
_BEARER: Final = "bearer."
_QUIET_SECONDS: Final = 15.0
"""Seconds without an event before a keep-alive, so that no proxy closes an idle connection."""
_RETRY_MS: Final = 2000
_UNBUFFERED: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_LEAVING, _REFUSED, _TRY_AGAIN = 1001, 1008, 1013
_TOO_MANY: Final = 429
_RETRY_SECONDS: Final = 10
STREAMS: Final = 32
"""Most live streams of one token in one process, of both kinds together."""
_REASON_BYTES: Final = 120

After = Annotated[str | None, Query(max_length=400, description="A cursor; `0` begins with the oldest stored event.")]
Kinds = Annotated[list[EventKind] | None, Query(description="Only events of these kinds; repeat it for each kind.")]
TaskId = Annotated[str | None, Query(max_length=256)]
LastEventId = Annotated[str | None, Header(max_length=400)]


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """A subscription: the client's filter, its cursor, and its token."""

    after: str
    kinds: Sequence[str]
    task_id: str | None
    token: str | None


class StreamLimiter:
    """The number of open streams of each token."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def take(self, who: str) -> None:
        """Take one. Raises ProblemError: the token has reached the limit."""
        if self._taken[who] >= STREAMS:
            detail = f"The token {who!r} has {STREAMS} live streams open, which is the limit: close one first."
            said = ("stream", STREAMS + 1, f"{STREAMS} streams at once per token", "a token for each client")
            raise ProblemError(429, "streams", detail, {"Retry-After": str(_RETRY_SECONDS)}, said)
        self._taken[who] += 1

    def give_back(self, who: str) -> None:
        """Release one."""
        self._taken[who] -= 1
        if not self._taken[who]:
            del self._taken[who]


class Stream(EventSourceResponse):
    """A stream that calls back at its end, for any reason.

    Args:
        written: The encoded events.
        over: Called at the end.
    """

    def __init__(self, written: AsyncGenerator[bytes], over: Callable[[], None]) -> None:
        super().__init__(written, headers=_UNBUFFERED)
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._over()


class LiveRoutes:
    """The two streams over one service.

    Args:
        service: Its events are streamed.
        authenticator: Checks the tokens.
    """

    def __init__(self, service: SchedulerService, authenticator: Authenticator) -> None:
        self._service = service
        self._authenticator = authenticator
        self._places = StreamLimiter()
        self._written_once = EncodedEvents()
        self._streams: set[asyncio.Event] = set()
        self._closed = False

    def close(self) -> None:
        """End every stream: the server is about to stop."""
        self._closed = True
        for leave in self._streams:
            leave.set()

    async def sse(
        self,
        request: Request,
        after: After = None,
        kinds: Kinds = None,
        task_id: TaskId = None,
        last_event_id: LastEventId = None,
    ) -> EventSourceResponse:
        """Stream events as they happen. The `id` of each is its cursor, its `event` the kind, its `data` the event."""
        token = _token_of(request.headers.get("authorization"), [])
        wish = StreamRequest(await self._begin(last_event_id or after), list(kinds or ()), task_id, token)
        who = str(CURRENT_ACTOR.get())
        self._places.take(who)
        return Stream(self._written(wish), lambda: self._places.give_back(who))

    async def websocket(self, socket: WebSocket) -> None:
        """Send events as they happen, one JSON object a message, until the client leaves; what it sends is ignored.

        A rejected client is accepted first, and then closed: a browser shows the reason of a close, but not that of a
        failed handshake.
        """
        asked = socket.query_params
        offered: list[str] = socket.scope.get("subprotocols", [])
        token = _token_of(socket.headers.get("authorization"), offered)
        await socket.accept(PROTOCOL if PROTOCOL in offered else None)
        try:
            await self._authenticator.authorize_token(token, socket.client.host if socket.client else "")
            only_known(asked, ["after", "kinds", "task_id"])
            kinds = asked.getlist("kinds")
            only(kinds)
            await self._send(
                socket, StreamRequest(await self._begin(asked.get("after")), kinds, asked.get("task_id"), token)
            )
            await socket.close(_LEAVING)
        except (ProblemError, InvalidInput) as refusal:
            again = isinstance(refusal, ProblemError) and refusal.status == _TOO_MANY
            await socket.close(_TRY_AGAIN if again else _REFUSED, _reason(refusal))
        except RemembrancerError as error:
            await socket.close(_TRY_AGAIN, _reason(error))
        except (WebSocketDisconnect, RuntimeError):
            return  # the client has disconnected already

    async def _begin(self, after: str | None) -> str:
        """Return the initial cursor: events from this time on."""
        if after is None:
            return (await self._service.read_events()).cursor
        from_text(after)
        return after

    async def _written(self, wish: StreamRequest) -> AsyncGenerator[bytes]:
        """Yield the encoded events of a stream."""
        yield format_sse_event(id=wish.after, retry=_RETRY_MS)
        with self._leaving() as leave:
            async with aclosing(self._pages(wish, leave)) as pages:
                try:
                    async for page in pages:
                        if page.events:
                            yield b"".join(self._written_once.sse(event) for event in page.events)
                        else:
                            yield format_sse_event(id=page.cursor, comment="nothing new")
                except (RemembrancerError, ProblemError):
                    return  # the client reconnects by itself, at its last cursor

    async def _send(self, socket: WebSocket, wish: StreamRequest) -> None:
        """Send events until the client disconnects or the server stops. Raises ProblemError: too many streams."""
        with self._place(), self._leaving() as leave:
            watching = asyncio.create_task(_until_gone(socket, leave))
            try:
                async with aclosing(self._pages(wish, leave)) as pages:
                    async for page in pages:
                        for event in page.events:
                            await socket.send_text(self._written_once.text(event))
            finally:
                watching.cancel()

    async def _pages(self, wish: StreamRequest, leave: asyncio.Event) -> AsyncGenerator[EventPage]:
        """Yield pages of events, empty ones for keep-alive, until *leave*. Raises ProblemError: the token is invalid.

        The token is checked again periodically, which bounds how long a stream outlives its revocation.
        """
        loop = asyncio.get_running_loop()
        after, admitted = wish.after, loop.time()
        while not leave.is_set():
            wait = self._service.read_events(after, kinds=wish.kinds, task_id=wish.task_id, wait_seconds=_QUIET_SECONDS)
            page = await _unless(leave, asyncio.ensure_future(wait))
            if page is None:
                return
            if loop.time() - admitted >= _QUIET_SECONDS:
                await self._authenticator.authorize_token(wish.token, "")
                admitted = loop.time()
            yield page
            after = page.cursor

    @contextmanager
    def _place(self) -> Generator[None]:
        who = str(CURRENT_ACTOR.get())
        self._places.take(who)
        try:
            yield
        finally:
            self._places.give_back(who)

    @contextmanager
    def _leaving(self) -> Generator[asyncio.Event]:
        leave = asyncio.Event()
        if self._closed:
            leave.set()
        self._streams.add(leave)
        try:
            yield leave
        finally:
            self._streams.discard(leave)


def add_live(to: APIRouter, routes: LiveRoutes, authenticator: Authenticator) -> None:
    """Add the two streams to a router."""
    to.add_api_route(
        "/scheduler/events",
        routes.sse,
        tags=["live"],
        dependencies=[authenticator.read],
        response_class=StreamingResponse,  # with EventSourceResponse, FastAPI would treat the route as a generator
        response_model=None,
        responses={200: _STREAMED, **problem_responses(400, 401, 403, 422, 429, 503)},
    )
    to.add_api_websocket_route("/scheduler/events/ws", routes.websocket)


async def _unless(leave: asyncio.Event, wait: asyncio.Future[EventPage]) -> EventPage | None:
    """Return the result of *wait*, or None as soon as *leave* is set."""
    leaving = asyncio.ensure_future(leave.wait())
    try:
        await asyncio.wait({wait, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return wait.result() if wait.done() else None
    finally:
        leaving.cancel()
        wait.cancel()


async def _until_gone(socket: WebSocket, leave: asyncio.Event) -> None:
    try:
        while True:
            await socket.receive_text()
    except (WebSocketDisconnect, KeyError, RuntimeError):
        leave.set()


def _reason(error: Exception) -> str:
    """Return the reason of a close, cut to the size of a close frame."""
    return str(error).encode()[:_REASON_BYTES].decode(errors="ignore")


def _token_of(authorization: str | None, offered: list[str]) -> str | None:
    """Return a client's token, from its header or its offered subprotocols."""
    scheme, _, text = (authorization or "").partition(" ")
    if scheme.lower() == "bearer" and text:
        return text.strip()
    return next((each.removeprefix(_BEARER) for each in offered if each.startswith(_BEARER)), None)


_STREAMED: Final[dict[str, object]] = {
    "description": "An endless stream of events",
    "content": {EventSourceResponse.media_type: {"schema": {"type": "string"}}},
}
