"""Conditional and idempotent requests: the headers `If-Match` and `Idempotency-Key`."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from typing import Annotated, Final

from fastapi import Header, Request

from remembrancer.context import CURRENT_ACTOR, IDEMPOTENCY_KEY
from remembrancer.model.idempotency import IdempotencyKey
from remembrancer.surfaces.examples import EXAMPLES
from remembrancer.surfaces.rest.problems import ProblemError

IfMatch = Annotated[
    str | None, Header(max_length=1000, description="An ETag of the task: act only if it is as it was read.")
]
Key = Annotated[
    str | None,
    Header(
        pattern="^[ -~]{1,128}$",
        description="A key of your choice: a request that is sent again under it is not acted on again.",
    ),
]
_ETAG: Final = re.compile(r'(?<!W/)"(\d{1,18})-[A-Z]+"')


def fence_of(if_match: str | None) -> int | None:
    """Return the fence that a task must still have; None if any will do. Of several, the highest: fences only grow.

    Raises Refusal: no task has such an ETag.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    if fences := _ETAG.findall(if_match):
        return max(int(fence) for fence in fences)
    allowed = "the ETag of a task, as it came with the task; or *"
    said = ("If-Match", if_match, allowed, EXAMPLES["if-match"])
    raise ProblemError(412, "changed", f"No task has the ETag {if_match}: allowed is {allowed}.", said=said)


async def marked(request: Request, idempotency_key: Key = None) -> None:
    """Set the idempotency key of the request, once its actor is known."""
    if idempotency_key is not None:
        IDEMPOTENCY_KEY.set(IdempotencyKey(str(CURRENT_ACTOR.get()), idempotency_key, await _digest(request)))


async def _digest(request: Request) -> str:
    """Return a digest of the request; the spelling of its JSON makes no difference."""
    body = await request.body()
    with suppress(ValueError):  # an empty one is digested as it is; one that is no JSON was refused before
        body = json.dumps(await request.json(), sort_keys=True).encode()
    return hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + body).hexdigest()
