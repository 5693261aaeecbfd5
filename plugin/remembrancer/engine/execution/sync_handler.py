"""Plain handlers: called on threads, where nothing can interrupt them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from remembrancer.engine.execution.handler_call import UNANSWERED, answer_of
from remembrancer.engine.execution.handler_threads import Ended, HandlerThreads

if TYPE_CHECKING:
    from remembrancer.engine.execution.run import Run
    from remembrancer.engine.execution.runs import Runs
    from remembrancer.ports.handler import Firing, Handler


class SyncHandler:
    """Calls a plain handler, each time on a thread of its own.

    Args:
        handler: The agent's.
        runs: The runs of this process.
    """

    def __init__(self, handler: Handler, runs: Runs) -> None:
        self._handler = handler
        self._runs = runs
        self._threads = HandlerThreads()

    async def __call__(self, firing: Firing) -> object:
        """Call the handler and wait for its result, until it is abandoned."""
        run = self._runs.handling[firing.execution.execution_id]
        run.answer = asyncio.get_running_loop().create_future()
        run.on_thread = True
        try:
            self._threads.run(partial(self._begin, run), partial(self._ended, run))
        except RuntimeError:  # no thread can be started
            run.on_thread = False
            raise
        ended = await run.answer
        return UNANSWERED if ended is None else await answer_of(ended)

    def close(self) -> None:
        """Let the threads end."""
        self._threads.close()

    def _begin(self, run: Run) -> object:
        return self._handler(run.firing) if self._runs.begin(run) else UNANSWERED

    def _ended(self, run: Run, ended: Ended) -> None:
        run.on_thread = False
        if run.answer and not run.answer.done():
            run.answer.set_result(ended)
        elif asyncio.iscoroutine(ended.answer):
            ended.answer.close()  # too late to be awaited
        self._runs.free(run)
