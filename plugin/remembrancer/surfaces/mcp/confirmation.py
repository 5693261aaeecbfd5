"""The confirmation of a call that destroys: asked of a person by the host, or given as an argument."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import is_version_at_least

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from mcp_types import CallToolRequestParams

    Context = ServerRequestContext[Any]

_STATELESS: Final = "2026-07-28"
"""The version of the protocol from which on a question is an answer, and the call is made again with its reply."""
_KEY: Final = "confirm"
_FORM: Final[dict[str, object]] = {
    "type": "object",
    "properties": {_KEY: {"type": "boolean", "title": "Yes, do it", "default": False}},
    "required": [_KEY],
}


class NotConfirmed(Exception):
    """A call that destroys was not agreed to; nothing was written."""


async def confirm(
    context: Context, call: CallToolRequestParams, question: str, *, given: bool
) -> InputRequiredResult | None:
    """Have a person agree to *question*; return it if the host is to ask it and call again.

    Where the host can ask, its answer alone counts; elsewhere the argument does, if it is *given*.

    Raises NotConfirmed: the answer is no, or there is none.
    """
    if not _can_ask(context):
        if given:
            return None
        then = "Nothing was written. Ask the user; if the answer is yes, call again with confirm=true."
        raise NotConfirmed(f"{question} {then}")
    if is_version_at_least(context.protocol_version, _STATELESS):
        return _answered(call, question)
    session = context.session
    answer = await session.elicit_form(question, _FORM, related_request_id=context.request_id)
    _check(answer)
    return None


def _answered(call: CallToolRequestParams, question: str) -> InputRequiredResult | None:
    """Check the answer that came with the call; return the question if none came, or another was asked."""
    asked = hashlib.sha256(question.encode()).hexdigest()
    answer = (call.input_responses or {}).get(_KEY)
    if answer is None or call.request_state != asked:
        request = ElicitRequest(params=ElicitRequestFormParams(message=question, requested_schema=_FORM))
        return InputRequiredResult(input_requests={_KEY: request}, request_state=asked)
    _check(answer)
    return None


def _check(answer: object) -> None:
    """Raise NotConfirmed unless the answer is yes."""
    if isinstance(answer, ElicitResult) and answer.action == "accept" and (answer.content or {}).get(_KEY) is True:
        return
    raise NotConfirmed("The user did not agree, and nothing was written. Do not ask again unless the user wants it.")


def _can_ask(context: Context) -> bool:
    """Return whether the host shows a form to a person."""
    able = context.session.client_capabilities
    elicitation = able.elicitation if able else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)
