"""An agent behind a URL: the run is posted as JSON, and the reply is its answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from remembrancer.model.handler_result import Done, Failed, HandlerResult, Retry
from remembrancer.surfaces.wake.agent_answer import QUESTION, answer_in, result_of
from remembrancer.surfaces.wake.http_reply import HttpAddress, HttpReply, NoReply
from remembrancer.surfaces.wake.run_message import message_in_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.model.handler_result import Ask
    from remembrancer.ports.handler import Firing, Handler, HandlerReturn


def wake_http(url: str, *, headers: Mapping[str, str] | None = None, question: Ask = QUESTION) -> Handler:
    """Return a handler that wakes an agent by a POST of the run as JSON.

    A reply of success whose body is a JSON object with a `status` is the answer; any other body is the result. 429 and
    503 ask for another attempt, after their `Retry-After`; every other status, and no reply, has failed. The header
    `Idempotency-Key` names the attempt. No redirect is followed. The deadline is that of the task; when the run is
    cancelled, the connection is closed.

    Args:
        url: The address, http or https.
        headers: Headers beside its own, such as `Authorization`.
        question: Those that are asked when the agent asks, and what no answer means, unless the agent says.

    Raises:
        InvalidInput: The address cannot be used, or a header cannot be sent.
    """
    address = HttpAddress(url, dict(headers or {}))

    async def wake(firing: Firing) -> HandlerReturn:
        key = quote(firing.execution.occurrence_key, safe="|@:.")
        sent = {"Content-Type": "application/json", "Accept": "application/json", "Idempotency-Key": key}
        try:
            reply = await address.post(message_in_json(firing).encode(), sent)
        except NoReply as fault:
            return Failed(f"The agent at {address.shown} did not reply: {fault}")
        return _result(reply, firing, address.shown, question)

    return wake


def _result(reply: HttpReply, firing: Firing, where: str, question: Ask) -> HandlerResult:
    text = reply.text.strip().replace("\0", "\ufffd")
    if HTTPStatus(200) <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        answer = answer_in(text)
        return Done(text or None) if answer is None else result_of(answer, firing, question)
    said = f"The agent at {where} replied with status {reply.status}{f': {text[:_SHOWN]}' if text else '.'}"
    if reply.status not in _LATER:
        return Failed(said)
    seconds = reply.retry_after or ""
    return Retry(float(seconds) if seconds.isdecimal() and seconds.isascii() else None, said)


_LATER: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_SHOWN: Final = 500
