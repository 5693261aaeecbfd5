"""Routes: the handler of each queue, the handler of tasks without one, and the workers of all other queues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from remembrancer.engine.execution.bound_calls import BoundCalls
from remembrancer.engine.execution.handler_call import is_async
from remembrancer.engine.execution.sync_handler import SyncHandler
from remembrancer.policies.retry import with_rerun_input
from remembrancer.ports.handler import Firing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from remembrancer.engine.execution.progress import ProgressWriter
    from remembrancer.engine.execution.runs import Runs
    from remembrancer.ports.handler import Handler, Handlers
    from remembrancer.ports.sync_calls import SyncCalls


@dataclass(frozen=True, slots=True)
class HandlerRoute:
    """One handler, as runs call it."""

    call: Callable[[Firing], Awaitable[object]]
    plain: SyncHandler | None
    """The same, for a plain handler, which begins on a thread; None for an async one."""


class HandlerRoutes:
    """The handlers of this process.

    Args:
        handlers: The agent's.
        runs: The runs of this process.
    """

    def __init__(self, handlers: Handlers, runs: Runs) -> None:
        named: Mapping[str | None, Handler] = {None: handlers.default, **handlers.of_queues}
        self._routes = {queue: _route(each, runs) for queue, each in named.items()}
        self.queues = frozenset(handlers.of_queues)
        """The queues that have a handler here."""

    def of(self, queue: str | None) -> HandlerRoute | None:
        """Return the route of the tasks of a queue; None for a queue of workers."""
        return self._routes.get(queue)

    def firing(self, claimed: Firing, progress: ProgressWriter, scheduler: SyncCalls) -> Firing:
        """Return what the handler is called with."""
        route, execution = self.of(claimed.task.queue), claimed.execution
        calls = BoundCalls.of(scheduler, execution) if route and route.plain else scheduler
        return Firing(execution, with_rerun_input(claimed.task, execution), progress.take, scheduler=calls)

    def close(self) -> None:
        """Let the threads of plain handlers end."""
        for each in self._routes.values():
            if each.plain:
                each.plain.close()


def _route(handler: Handler, runs: Runs) -> HandlerRoute:
    plain = None if is_async(handler) else SyncHandler(handler, runs)
    return HandlerRoute(plain or cast("Callable[[Firing], Awaitable[object]]", handler), plain)
