"""Request bodies: received within limits of size and time, and parsed as JSON within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Final, cast

from fastapi import Request
from starlette.requests import ClientDisconnect

from remembrancer.model.control_characters import visible
from remembrancer.model.json_bounds import DEPTH, JsonOutOfBounds, JsonTooDeep, RepeatedKey, out_of_bounds, read_json
from remembrancer.surfaces.examples import EXAMPLES, body_example
from remembrancer.surfaces.rest.problems import ProblemError

LARGEST_BODY: Final = 1_048_576
"""Most bytes in the body of one request."""
BODY_SECONDS: Final = 30.0
"""Most seconds for the body of one request to arrive."""
_IN_A_LIST: Final = 2
"""Levels of nesting that a list of requests adds to those of one request."""


class BodyRequest(Request):
    """A request whose body is received within limits, and checked before a route reads it."""

    def __init__(self, request: Request) -> None:
        super().__init__(request.scope, _limited(request))
        self._read: object = None
        self._is_read = False

    async def check(self, kind: object) -> None:
        """Receive the body and check it as JSON; malformed JSON is left to the route, whose body type is *kind*.

        Raises ProblemError: it is too large, slow or deep, has a duplicate key, or a value out of bounds.
        """
        try:
            received = await self.body()
        except ClientDisconnect as gone:
            raise ProblemError(400, "http", "The client disconnected before its request was complete.") from gone
        try:
            self._read = read = read_json(received)
        except JsonTooDeep as deep:
            allowed = f"at most {DEPTH} levels of nested objects and lists"
            raise _refused(deep.place, JsonOutOfBounds(deep.place, "…", allowed), kind) from None
        except RepeatedKey as repeated:
            raise _refused(repeated.key, JsonOutOfBounds(repeated.key, "twice", RepeatedKey.allowed), kind) from None
        except ValueError:
            return
        self._is_read = True
        for name, value in _members(read):
            if fault := out_of_bounds(value, name, _depth_of(value)) or out_of_bounds({name: None}, "body"):
                raise _refused(name, fault, kind)

    async def json(self) -> object:
        """Return the value of the body. Raises ValueError: it is not JSON."""
        return self._read if self._is_read else await super().json()


def _members(read: object) -> Iterable[tuple[str, object]]:
    return cast("dict[str, object]", read).items() if isinstance(read, dict) else [("body", read)]


def _depth_of(value: object) -> int:
    return DEPTH + _IN_A_LIST if isinstance(value, list) else DEPTH


def _refused(name: str, fault: JsonOutOfBounds, kind: object) -> ProblemError:
    example = EXAMPLES.get(name) if name != "body" else body_example(kind)
    detail = f"{visible(name)}: {fault.allowed_in(name)}"
    return ProblemError(422, "invalid-input", detail, said=(name, fault.value, fault.allowed_in(name), example))


def _limited(request: Request) -> Callable[[], Awaitable[MutableMapping[str, object]]]:
    """Return the `receive` function of the request's body, within the limits."""
    received, is_whole = 0, False
    until = asyncio.get_running_loop().time() + BODY_SECONDS

    async def receive() -> MutableMapping[str, object]:
        nonlocal received, is_whole
        if is_whole:  # the only further message is the disconnect
            return await request.receive()
        try:
            async with asyncio.timeout_at(until):
                message: MutableMapping[str, object] = await request.receive()
        except TimeoutError:
            raise _too_slow() from None
        is_whole = not message.get("more_body")
        body = message.get("body")
        received += len(body) if isinstance(body, bytes) else 0
        if received > LARGEST_BODY:
            raise _too_large()
        return message

    return receive


def _too_large() -> ProblemError:
    allowed = f"at most {LARGEST_BODY:,} bytes"
    said = ("body", "longer", allowed, "several requests, each with a part of the body")
    return ProblemError(413, "http", f"A body may have {allowed}.", said=said)


def _too_slow() -> ProblemError:
    allowed = f"a body that arrives within {BODY_SECONDS:g} seconds"
    return ProblemError(408, "http", f"Send {allowed}.", said=("body", "slower", allowed, "the same body, faster"))
