"""The timers port: whether the host lets something be put on a timer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from remembrancer.model.timer import TimerRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

HostTimers: TypeAlias = Callable[[TimerRequest], Awaitable[bool | str] | bool | str]
"""The host's word on timers: a function that returns True, or False, or the reason of its refusal as text.

Whatever else it does is a refusal too: an exception, another value, no answer within five seconds.
"""


class TimerGate(Protocol):
    """The gate that each request passes which puts something on a timer. It fails closed."""

    async def refusal(self, asked: TimerRequest) -> str | None:
        """Return the reason for which a request is refused; None if it is permitted."""
        ...

    async def permit(self, asked: Sequence[TimerRequest]) -> None:
        """Raise TimerRefused if one of the requests is refused."""
        ...
