"""What every request passes: a request id, limits on size and rate, a token that reaches far enough."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from remembrancer.engine.authorship import AUTHOR, Author
from remembrancer.errors import InvalidInput, RemembrancerError
from remembrancer.model.token import Scope
from remembrancer.surfaces.request_id import REQUEST_ID
from remembrancer.surfaces.rest.problems import Refusal, of_error, of_misfit, of_refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, MutableMapping

    from fastapi import Response

    from remembrancer.engine.admittance import Admittance

LARGEST_BODY: Final = 1_048_576
"""Bytes in the body of one request."""
RATE: Final = 100.0
"""Requests a second that one token may make, in the long run."""
BURST: Final = 200.0
"""Requests that it may make at once."""
_LOG: Final = logging.getLogger("remembrancer.rest")
_GIVEN: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BEARER: Final = HTTPBearer(auto_error=False, description="A token that `remembrancer token create` has shown.")
_MOST_BUCKETS: Final = 10_000


class GuardedRoute(APIRoute):
    """A route whose every answer, good or bad, carries the request's id, and whose errors are problems."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[None, None, Response]]:
        """Return the handler with the guards around it."""
        handle = super().get_route_handler()
        known = [each.alias for each in self.dependant.query_params]

        async def knowing(request: Request) -> Response:
            if unknown := [name for name in request.query_params if name not in known]:
                allowed = f"one of {', '.join(known)}" if known else "no query parameter"
                raise InvalidInput("query", unknown[0], allowed, known[0] if known else "")
            return await handle(request)

        async def guarded(request: Request) -> Response:
            given = request.headers.get("x-request-id", "")
            request_id = given if _GIVEN.fullmatch(given) else secrets.token_hex(8)
            REQUEST_ID.set(request_id)
            began = time.perf_counter()
            response = await _answered(knowing, request, request_id)
            response.headers["X-Request-ID"] = request_id
            spent_ms = (time.perf_counter() - began) * 1000
            path, who = request.url.path, AUTHOR.get() or "-"
            _LOG.info("[%s] %s %s %d %.1f ms %s", request_id, request.method, path, response.status_code, spent_ms, who)
            return response

        return guarded


class Door:
    """Lets in who has a token: one dependency for each scope.

    Args:
        admittance: Knows the tokens.
    """

    def __init__(self, admittance: Callable[[], Admittance]) -> None:
        self._admittance = admittance
        self._buckets: dict[str, tuple[float, float]] = {}
        self.read = Depends(self._needs(Scope.READ))
        self.write = Depends(self._needs(Scope.WRITE))
        self.admin = Depends(self._needs(Scope.ADMIN))

    def _needs(self, scope: Scope) -> Callable[..., Awaitable[None]]:
        async def admitted(
            request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
        ) -> None:
            host = request.client.host if request.client else ""
            await self.let_in(bearer.credentials if bearer else None, host, scope)

        return admitted

    async def let_in(self, text: str | None, host: str, scope: Scope = Scope.READ) -> None:
        """Let in who shows a token that reaches as far as *scope*. Raises Refusal."""
        AUTHOR.set(None)
        token = await self._admittance().admit(text) if text is not None else None
        self._spend(f"token {token.name}" if token else f"client {host}")
        if token is None:
            detail = "Send `Authorization: Bearer …` with a token that `remembrancer token create` has made."
            raise Refusal(401, "no-token", detail, {"WWW-Authenticate": "Bearer"})
        AUTHOR.set(Author("rest", token.name))
        if not token.scope.covers(scope):
            detail = f"The token {token.name!r} has the scope {token.scope}; this needs {scope}."
            raise Refusal(403, "scope", detail)

    def _spend(self, who: str) -> None:
        """Take one request out of a bucket that fills by RATE a second, up to BURST. Raises Refusal."""
        now = time.monotonic()
        left, since = self._buckets.pop(who, (BURST, now))
        left = min(BURST, left + (now - since) * RATE)
        self._buckets[who] = (max(0.0, left - 1), now)
        if len(self._buckets) > _MOST_BUCKETS:
            del self._buckets[next(iter(self._buckets))]  # the one that has been quiet for longest
        if left < 1:
            detail = f"At most {RATE:g} requests a second, {BURST:g} at once: wait, and ask for more at a time."
            raise Refusal(429, "rate", detail, {"Retry-After": "1"})


async def _answered(
    handle: Callable[[Request], Coroutine[None, None, Response]], request: Request, request_id: str
) -> Response:
    try:
        return await handle(Request(request.scope, _limited(request)))
    except Refusal as refusal:
        return of_refusal(refusal, request_id)
    except RemembrancerError as error:
        return of_error(error, request_id)
    except RequestValidationError as misfit:
        return of_misfit(misfit.errors(), request_id)
    except HTTPException as error:
        return of_refusal(Refusal(error.status_code, "http", str(error.detail), error.headers), request_id)


def _limited(request: Request) -> Callable[[], Awaitable[MutableMapping[str, object]]]:
    """Return what receives the request's body, up to the limit."""
    received = 0

    async def receive() -> MutableMapping[str, object]:
        nonlocal received
        message: MutableMapping[str, object] = await request.receive()
        body = message.get("body")
        received += len(body) if isinstance(body, bytes) else 0
        if received > LARGEST_BODY:
            raise HTTPException(413, f"A body has at most {LARGEST_BODY:,} bytes.")
        return message

    return receive
