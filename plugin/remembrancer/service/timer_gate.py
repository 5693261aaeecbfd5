"""The timer gate: it asks the host whether something may be put on a timer. It fails closed."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from remembrancer.completion import answer_within
from remembrancer.engine.execution.handler_call import answer_of, is_async
from remembrancer.engine.execution.handler_threads import Ended, HandlerThreads
from remembrancer.errors import TimerRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.timer import TimerRequest
    from remembrancer.ports.timers import HostTimers

_HOST_SECONDS: Final = 5.0
"""The time that the host has to answer one question."""
_AT_A_TIME: Final = 16
"""The most questions to the host under way, and so the most threads: one that hangs keeps its place."""
_LONGEST: Final = 1000
"""Characters of a reason of the host that are kept."""


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
        try:
            answer = await answer_within(self._ask(asked), _HOST_SECONDS)
        except TimeoutError:
            return f"The host did not say within {_HOST_SECONDS:g} s whether it may be put on a timer."
        except Exception as fault:  # noqa: BLE001 (a host may raise anything, and none of it opens the gate)
            return f"The host could not say whether it may be put on a timer: {_named(fault)}"[:_LONGEST]
        if answer is True:
            return None
        if answer is False:
            return "The host does not let it be put on a timer."
        if isinstance(answer, str) and answer.strip():
            return answer[:_LONGEST]
        return f"The host answered {answer!r:.100}, which is neither True, False, nor a reason."

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
            raise RuntimeError(_named(end)) from end

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


def _named(fault: BaseException) -> str:
    try:
        return f"{type(fault).__name__}: {fault}"
    except Exception:  # noqa: BLE001 (its text may raise anything)
        return type(fault).__name__
