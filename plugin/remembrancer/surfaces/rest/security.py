"""What every request passes, in this order: a request id, a token that reaches far enough, limits on what it sends."""

from __future__ import annotations

import logging
import re
import secrets
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from remembrancer.context import CURRENT_ACTOR, IDEMPOTENCY_KEY, Actor
from remembrancer.errors import InvalidInput, RemembrancerError
from remembrancer.model.control_characters import visible
from remembrancer.model.suggestions import nearest, unknown
from remembrancer.model.token import Scope
from remembrancer.surfaces.log_context import REQUEST_ID
from remembrancer.surfaces.rest.examples import body_example
from remembrancer.surfaces.rest.problems import (
    ProblemError,
    from_validation_error,
    internal_error,
    of_error,
    of_refusal,
)
from remembrancer.surfaces.rest.request_body import BodyRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable
    from contextlib import AbstractContextManager

    from fastapi import Response
    from fastapi.params import Depends as DependsOn

    from remembrancer.operations.tokens import TokenService

RATE: Final = 100.0
"""Requests a second that one token may make, in the long run."""
BURST: Final = 200.0
"""Requests that it may make at once."""
_LOG: Final = logging.getLogger("remembrancer.rest")
_GIVEN: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BEARER: Final = HTTPBearer(auto_error=False, description="A token that `remembrancer token create` has shown.")
_MOST_BUCKETS: Final = 10_000
_NO_PATH, _NO_METHOD = 404, 405
_ADMITTED: Final = "remembrancer.admitted"
"""Under this key the scope of a request says that its token was looked at."""
SAFE_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Of every answer: what it says of an agent's memory is kept nowhere, and taken for nothing else than it is."""


class GuardedRoute(APIRoute):
    """A route whose every answer, good or bad, carries the request's id, and whose errors are problems."""

    door: Authenticator | None = None
    """Where the token is looked at that the route's dependencies ask for."""

    def counted(self) -> AbstractContextManager[None]:
        """Count one request, around it; see `counting`."""
        return nullcontext()

    def get_route_handler(self) -> Callable[[Request], Coroutine[None, None, Response]]:
        """Return the handler with the guards around it."""
        handle = super().get_route_handler()
        known = [each.alias for each in self.dependant.query_params]

        async def knowing(request: Request) -> Response:
            with self.counted():
                if self.door:  # first: nothing is received, read or looked up for a caller who is not let in
                    await self.door.admit(request, self.dependencies)
                only_known(request.query_params, known)
                received = BodyRequest(request)
                if self.body_field is not None:
                    await received.check(_body_of(request))
                return await handle(received)

        async def guarded(request: Request) -> Response:
            author, mark = CURRENT_ACTOR.set(None), IDEMPOTENCY_KEY.set(None)
            try:
                return await answered(knowing, request)
            finally:
                IDEMPOTENCY_KEY.reset(mark)
                CURRENT_ACTOR.reset(author)

        return guarded


def only_known(given: Iterable[str], known: list[str]) -> None:
    """Refuse a query parameter that there is not. Raises InvalidInput."""
    for name in given:
        if name not in known:
            raise InvalidInput("query", name, unknown(name, known), nearest(name, known) or (known or [""])[0])


def counting(counted: Callable[[], AbstractContextManager[None]], at: Authenticator) -> type[GuardedRoute]:
    """Return the class of routes with their tokens looked at there, whose requests *counted* counts, refused or not."""

    class CountedRoute(GuardedRoute):
        door = at

        def counted(self) -> AbstractContextManager[None]:
            return counted()

    return CountedRoute


async def answered(handle: Callable[[Request], Coroutine[None, None, Response]], request: Request) -> Response:
    """Return the answer to a request: with its id, in the log, and where it is refused, with a problem."""
    given = request.headers.get("x-request-id", "")
    request_id = given if _GIVEN.fullmatch(given) else secrets.token_hex(8)
    REQUEST_ID.set(request_id)
    began = time.perf_counter()
    response = await _answered(handle, request, request_id)
    response.headers["X-Request-ID"] = request_id
    for name, value in SAFE_HEADERS.items():
        response.headers[name] = value
    spent_ms = (time.perf_counter() - began) * 1000
    path, who = visible(request.url.path), CURRENT_ACTOR.get() or "-"
    _LOG.info("[%s] %s %s %d %.1f ms %s", request_id, request.method, path, response.status_code, spent_ms, who)
    return response


class Authenticator:
    """Lets in who has a token: one dependency for each scope.

    Args:
        admittance: Knows the tokens.
    """

    def __init__(self, admittance: Callable[[], TokenService]) -> None:
        self._admittance = admittance
        self._buckets: dict[str, tuple[float, float]] = {}
        self._scopes: dict[object, Scope] = {}
        self.read = Depends(self._needs(Scope.READ))
        self.write = Depends(self._needs(Scope.WRITE))
        self.admin = Depends(self._needs(Scope.ADMIN))

    def _needs(self, scope: Scope) -> Callable[..., Awaitable[None]]:
        async def admitted(
            request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
        ) -> None:
            if _ADMITTED not in request.scope:
                await self._let_in(request, bearer, scope)

        self._scopes[admitted] = scope
        return admitted

    async def admit(self, request: Request, dependencies: Iterable[DependsOn]) -> None:
        """Let in a request of a route that has these dependencies, before they are worked out. Raises Refusal."""
        for dependency in dependencies:
            if scope := self._scopes.get(dependency.dependency):
                await self._let_in(request, await _BEARER(request), scope)

    async def _let_in(self, request: Request, bearer: HTTPAuthorizationCredentials | None, scope: Scope) -> None:
        host = request.client.host if request.client else ""
        await self.let_in(bearer.credentials if bearer else None, host, scope)
        request.scope[_ADMITTED] = True

    async def let_in(self, text: str | None, host: str, scope: Scope = Scope.READ) -> None:
        """Let in who shows a token that reaches as far as *scope*. Raises Refusal."""
        CURRENT_ACTOR.set(None)
        token = await self._admittance().admit(text) if text is not None else None
        self._spend(f"token {token.name}" if token else f"client {host}")
        if token is None:
            detail = "Send `Authorization: Bearer …` with a token that `remembrancer token create` has made."
            said = ("Authorization", None, "a token that was made and not revoked", "Bearer rmb_…")
            raise ProblemError(401, "no-token", detail, {"WWW-Authenticate": "Bearer"}, said)
        CURRENT_ACTOR.set(Actor("rest", token.name))
        if not token.scope.covers(scope):
            detail = f"The token {token.name!r} has the scope {token.scope}; this needs {scope}."
            said = ("scope", token.scope.value, f"a token with the scope {scope}", f"token create --scope {scope}")
            raise ProblemError(403, "scope", detail, said=said)

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
            said = ("rate", f"over {RATE:g} a second", f"{RATE:g} requests a second, {BURST:g} at once", RATE)
            raise ProblemError(429, "rate", detail, {"Retry-After": "1"}, said)


async def _answered(
    handle: Callable[[Request], Coroutine[None, None, Response]], request: Request, request_id: str
) -> Response:
    try:
        return await handle(request)
    except ProblemError as refusal:
        return of_refusal(refusal, request_id)
    except RemembrancerError as error:
        return of_error(error, request_id)
    except RequestValidationError as misfit:
        return from_validation_error(misfit.errors(), request_id, _body_of(request))
    except HTTPException as error:
        return of_refusal(refused(error, request), request_id)
    except Exception:  # noqa: BLE001 (whatever it is: its answer and its line in the log have the request's id)
        _LOG.exception("[%s] %s %s failed", request_id, request.method, visible(request.url.path))
        return internal_error(request_id)


def _body_of(request: Request) -> object:
    """Return the type of the body that the request's route takes; None if it takes none."""
    field = getattr(request.scope.get("route"), "body_field", None)
    return None if field is None else field.field_info.annotation


def refused(error: HTTPException, request: Request, methods: str = "") -> ProblemError:
    """Return the refusal that an error of the framework's is: no such path or method, a body that cannot be read."""
    path, status = request.url.path, error.status_code
    kind, said = (
        "http",
        ("body", None, "a JSON document, as /v1/openapi.json describes it", body_example(_body_of(request))),
    )
    if status == _NO_PATH:
        kind, said = "no-route", ("path", path, "a path that /v1/openapi.json lists", "/v1/scheduler/tasks")
    elif status == _NO_METHOD:
        said = ("method", request.method, methods, methods.partition(",")[0])
        error.headers = {"Allow": methods}
    return ProblemError(status, kind, f"{request.method} {path}: {error.detail}", error.headers, said)
