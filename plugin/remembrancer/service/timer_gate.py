"""The timer gate: it asks the host whether something may be put on a timer. It fails closed."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from remembrancer.engine.execution.handler_call import answer_of, is_async
from remembrancer.engine.execution.handler_threads import Ended, HandlerThreads
from remembrancer.engine.gates.host_answer import closed_because, fault_words
from remembrancer.errors import TimerRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.timer import TimerRequest
    from remembrancer.ports.timers import HostTimers

_HOST_SECONDS: Final = 5.0
"""The time that the host has to answer one question."""
_AT_A_TIME: Final = 16
"""The most questions to the host under way, and so the most threads: one that hangs keeps its place."""


class HostTimerGate:
    """Asks the host.

    Laws: only the answer True permits. A plain function is called on a daemon thread, so that neither the event loop
    nor the end of the process waits for it.

    Args:
        host: The function of the host.
    """

    def __init__(self, host: HostTimers) -> None:
        self._host = host
        self._on_loop = is_async(host)
        self._threads = HandlerThreads()
        self._places = asyncio.Semaphore(_AT_A_TIME)

    async def refusal(self, asked: TimerRequest) -> str | None:
        """Return the reason for which a request is refused; None if it is permitted."""
        return await closed_because(
            partial(self._ask, asked),
            _HOST_SECONDS,
            "whether it may be put on a timer",
            opens=True,
            closed="The host does not let it be put on a timer.",
        )

    async def permit(self, asked: Sequence[TimerRequest]) -> None:
        """Raise TimerRefused if one of the requests is refused, of several the first."""
        for start in range(0, len(asked), _AT_A_TIME):
            some = asked[start : start + _AT_A_TIME]
            for each, reason in zip(some, await asyncio.gather(*map(self.refusal, some)), strict=True):
                if reason is not None:
                    raise TimerRefused(each.action, each.task.task_id, each.task.name, reason)

    async def _ask(self, asked: TimerRequest) -> object:
        try:
            return await (self._host(asked) if self._on_loop else self._on_thread(asked))  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
        except (KeyboardInterrupt, SystemExit, GeneratorExit) as end:  # it would end the event loop
            raise RuntimeError(fault_words(end)) from end

    async def _on_thread(self, asked: TimerRequest) -> object:
        await self._places.acquire()
        told: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

        def end(ended: Ended) -> None:
            self._places.release()
            if not told.done():
                told.set_result(ended)

        try:
            self._threads.run(partial(self._host, asked), end)
        except BaseException:
            self._places.release()
            raise
        return await answer_of(await told)
