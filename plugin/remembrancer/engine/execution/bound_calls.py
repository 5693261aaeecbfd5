"""The calls of a scheduler, made in the name of one execution: also from threads that its handler started."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, cast

from remembrancer.context import CURRENT_ACTOR, Actor

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.model.execution import Execution
    from remembrancer.ports.sync_calls import SyncCalls


class BoundCalls:
    """Makes each call as the handler of an execution, whatever thread it comes from.

    Args:
        calls: The scheduler's.
        execution_id: The execution.
    """

    def __init__(self, calls: SyncCalls, execution_id: str) -> None:
        self._calls = calls
        self._execution_id = execution_id

    @classmethod
    def of(cls, calls: SyncCalls, execution: Execution) -> SyncCalls:
        """Return *calls* as those of the handler of *execution*."""
        return cast("SyncCalls", cls(calls, execution.execution_id))

    def __getattr__(self, name: str) -> Callable[..., object]:
        """Return the call *name*, made as the handler. Raises AttributeError: it is none of the calls."""
        method: Callable[..., object] = getattr(self._calls, name)

        @wraps(method)
        def call(*arguments: object, **named: object) -> object:
            token = CURRENT_ACTOR.set(Actor("handler", self._execution_id))
            try:
                return method(*arguments, **named)
            finally:
                CURRENT_ACTOR.reset(token)

        return call
