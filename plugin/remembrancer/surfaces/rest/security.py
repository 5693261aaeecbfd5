"""Checks on every request, in this order: request id, token and scope, rate, parameters, body."""

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

from remembrancer.context import CURRENT_ACTOR, IDEMPOTENCY_KEY, MAY_QUERY, Actor
from remembrancer.errors import InvalidInput, RemembrancerError
from remembrancer.model.control_characters import visible
from remembrancer.model.suggestions import nearest, unknown
from remembrancer.model.token import Scope
from remembrancer.surfaces.examples import body_example
from remembrancer.surfaces.log_context import REQUEST_ID
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
"""Sustained request rate of one token, in requests per second."""
BURST: Final = 200.0
"""Requests that one token may send at once."""
_LOG: Final = logging.getLogger("remembrancer.rest")
_GIVEN: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BEARER: Final = HTTPBearer(auto_error=False, description="A token that `remembrancer token create` has printed.")
_MOST_BUCKETS: Final = 10_000
_NO_PATH, _NO_METHOD = 404, 405
_AUTHORIZED: Final = "remembrancer.authorized"
"""A request's scope has this key once its token was checked."""
SAFE_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Of every response: an agent's data must not be cached, nor interpreted as another media type."""


class GuardedRoute(APIRoute):
    """A route whose responses carry the request's id, and whose errors are problem documents."""

    authenticator: Authenticator | None = None
    """Checks the token that the route's dependencies require."""

    def counted(self) -> AbstractContextManager[None]:
        """Count one request, around it; see `counting`."""
        return nullcontext()

    def get_route_handler(self) -> Callable[[Request], Coroutine[None, None, Response]]:
        """Return the handler with the guards around it."""
        handle = super().get_route_handler()
        known = [each.alias for each in self.dependant.query_params]

        async def knowing(request: Request) -> Response:
            with self.counted():
                if self.authenticator:  # first: an unauthorized request must not cost more than its head
                    await self.authenticator.authorize(request, self.dependencies)
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
    """Reject unknown query parameters. Raises InvalidInput."""
    for name in given:
        if name not in known:
            raise InvalidInput("query", name, unknown(name, known), nearest(name, known) or (known or [""])[0])


def counting(counted: Callable[[], AbstractContextManager[None]], at: Authenticator) -> type[GuardedRoute]:
    """Return a class of routes that checks tokens *at* this authenticator, and counts requests with *counted*."""

    class CountedRoute(GuardedRoute):
        authenticator = at

        def counted(self) -> AbstractContextManager[None]:
            return counted()

    return CountedRoute


async def answered(handle: Callable[[Request], Coroutine[None, None, Response]], request: Request) -> Response:
    """Return the response to a request, with the request's id, and log it; an error becomes a problem document."""
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
    """Authenticates and authorizes requests by their token: one dependency for each scope.

    Args:
        tokens: Returns the token service.
    """

    def __init__(self, tokens: Callable[[], TokenService]) -> None:
        self._tokens = tokens
        self._buckets: dict[str, tuple[float, float]] = {}
        self._scopes: dict[object, Scope] = {}
        self.read = Depends(self._needs(Scope.READ))
        self.write = Depends(self._needs(Scope.WRITE))
        self.admin = Depends(self._needs(Scope.ADMIN))

    def _needs(self, scope: Scope) -> Callable[..., Awaitable[None]]:
        async def authorized(
            request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
        ) -> None:
            if _AUTHORIZED not in request.scope:
                await self._authorize(request, bearer, scope)

        self._scopes[authorized] = scope
        return authorized

    async def authorize(self, request: Request, dependencies: Iterable[DependsOn]) -> None:
        """Authorize a request before its route's *dependencies* are resolved. Raises ProblemError."""
        for dependency in dependencies:
            if scope := self._scopes.get(dependency.dependency):
                await self._authorize(request, await _BEARER(request), scope)

    async def _authorize(self, request: Request, bearer: HTTPAuthorizationCredentials | None, scope: Scope) -> None:
        host = request.client.host if request.client else ""
        await self.authorize_token(bearer.credentials if bearer else None, host, scope)
        request.scope[_AUTHORIZED] = True

    async def authorize_token(self, text: str | None, host: str, scope: Scope = Scope.READ) -> None:
        """Authorize the bearer of this token for *scope*. Raises ProblemError."""
        CURRENT_ACTOR.set(None)
        token = await self._tokens().admit(text) if text is not None else None
        self._spend(f"token {token.name}" if token else f"client {host}")
        if token is None:
            detail = "Send `Authorization: Bearer …` with a token that `remembrancer token create` has printed."
            said = ("Authorization", None, "a token that exists and is not revoked", "Bearer rmb_…")
            raise ProblemError(401, "no-token", detail, {"WWW-Authenticate": "Bearer"}, said)
        CURRENT_ACTOR.set(Actor("rest", token.name))
        MAY_QUERY.set(token.scope.covers(Scope.ADMIN))
        if not token.scope.covers(scope):
            detail = f"The token {token.name!r} has the scope {token.scope}; this request needs {scope}."
            said = ("scope", token.scope.value, f"a token with the scope {scope}", f"token create --scope {scope}")
            raise ProblemError(403, "scope", detail, said=said)

    def _spend(self, who: str) -> None:
        """Take one request out of a bucket that fills by RATE a second, up to BURST. Raises ProblemError."""
        now = time.monotonic()
        left, since = self._buckets.pop(who, (BURST, now))
        left = min(BURST, left + (now - since) * RATE)
        self._buckets[who] = (max(0.0, left - 1), now)
        if len(self._buckets) > _MOST_BUCKETS:
            del self._buckets[next(iter(self._buckets))]  # the one unused for the longest time
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
    except Exception:  # noqa: BLE001 (any error: its response and its log line need the request's id)
        _LOG.exception("[%s] %s %s failed", request_id, request.method, visible(request.url.path))
        return internal_error(request_id)


def _body_of(request: Request) -> object:
    """Return the type of the body that the request's route takes; None if it takes none."""
    field = getattr(request.scope.get("route"), "body_field", None)
    return None if field is None else field.field_info.annotation


def refused(error: HTTPException, request: Request, methods: str = "") -> ProblemError:
    """Return an error of the framework as a ProblemError: unknown path or method, or a malformed body."""
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
