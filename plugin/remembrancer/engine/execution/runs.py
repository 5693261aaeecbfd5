"""The runs of this process: those that have begun, that are to stop, and that hold a slot past their end."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from remembrancer.engine.execution.run import Run, StopReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from remembrancer.engine.execution.slots import Slots

_LOG: Final = logging.getLogger("remembrancer")
_GRACE_SECONDS: Final = 5.0
"""The time an async handler may clean up after it was cancelled at its deadline."""
_SHORTEST_SECONDS: Final = 0.01


class Runs:
    """Runs from their claim on.

    Args:
        slots: Given back when a handler has ended.
        on_overdue: Called with a run whose handler was cancelled at its deadline and goes on all the same.
    """

    def __init__(self, slots: Slots, on_overdue: Callable[[Run], None]) -> None:
        self._slots = slots
        self._on_overdue = on_overdue
        self.handling: dict[str, Run] = {}
        """Those without an outcome, by the id of their execution."""
        self.tasks: dict[asyncio.Task[None], Run] = {}
        """Those whose asyncio task has not ended: it writes the outcome after the handler."""
        self.overdue: set[Run] = set()
        """Those that are over, but whose handler cannot be interrupted and still runs."""
        self._unbegun: dict[str, Run] = {}
        """Removing a run from it decides in one step: by a thread, that it begins; by the loop, that it never does."""

    @property
    def trouble(self) -> str | None:
        """Describe the slots that handlers hold past their end; None without any."""
        if not self.overdue:
            return None
        return (
            f"{len(self.overdue)} of {self._slots.limit} handler slots are held by handlers that ran past their "
            "deadline and cannot be interrupted"
        )

    def add(self, run: Run) -> None:
        """Take in a run that is claimed."""
        self.handling[run.execution_id] = self._unbegun[run.execution_id] = run

    def begin(self, run: Run) -> bool:
        """Let the handler begin, on any thread; return False if it must not."""
        if self._unbegun.pop(run.execution_id, None) is None:
            return False
        run.begun_at = time.monotonic()
        return True

    def ask(self, run: Run, why: StopReason) -> bool:
        """Ask a run to stop; one that has not begun never begins. Return True if it had begun."""
        if run.asked is None or why is StopReason.LEASE_LOST:
            run.asked = why
        run.firing.stop.requested = True
        if self._unbegun.pop(run.execution_id, None):
            if run.task and run.waits_for_worker:
                run.task.cancel()
            return False
        if run.task and not run.on_thread and run.begun_at is not None:
            run.task.cancel()
        return run.begun_at is not None

    def expire(self, runs: Sequence[Run]) -> None:
        """Stop those of *runs* whose deadline has come; it counts from when the handler began."""
        now = time.monotonic()
        ahead: dict[Run, float] = {}
        for run in runs:
            left = run.limit_seconds - (0 if run.begun_at is None else now - run.begun_at)
            if run.over:
                continue
            if left > 0:
                ahead[run] = left
            else:
                self._stop_late(run)
        if ahead:
            seconds = max(min(ahead.values()), _SHORTEST_SECONDS)
            batch = next(iter(ahead)).batch
            batch.timers.append(asyncio.get_running_loop().call_later(seconds, self.expire, list(ahead)))

    def end(self, run: Run, *, goes_on: bool = False) -> None:
        """Take a run as over; its slot is free once its handler has ended too."""
        run.over = True
        self.handling.pop(run.execution_id, None)
        self._unbegun.pop(run.execution_id, None)
        run.batch.ended()
        if goes_on or run.on_thread:
            self.overdue.add(run)
        else:
            self._slots.give_back(1)

    def free(self, run: Run) -> None:
        """Give back the slot of a run whose handler has ended late."""
        if run in self.overdue:
            self.overdue.remove(run)
            self._slots.give_back(1)

    def destroy(self) -> None:
        """End the remaining runs.

        These are deferrals that the graph does not answer, and async handlers that swallow every cancellation: with
        them, the event loop could never be closed.
        """
        for task, run in self.tasks.items():
            if not run.settled:
                _LOG.error("The outcome of %s was not written before the scheduler stopped.", run.execution_id)
                task.cancel()
        for run in [each for each in self.overdue if not each.on_thread]:
            if run.task and not run.task.done() and run.task is not asyncio.current_task():
                with suppress(RuntimeError, ValueError):  # the handler swallows this too, or runs at this moment
                    run.task.get_coro().close()  # pyright: ignore[reportOptionalMemberAccess] (made of a coroutine)
                run.task.cancel()

    async def ended(self, seconds: float, but: Run | None = None) -> None:
        """Wait up to *seconds* for the outcomes of all runs there are, *but* one."""
        if waiting := self.unsettled(but):
            await asyncio.wait(waiting, timeout=seconds)

    def unsettled(self, but: Run | None = None) -> list[asyncio.Task[None]]:
        """Return the asyncio tasks of all runs that are not settled, *but* one."""
        return [task for task, run in self.tasks.items() if not run.settled and run is not but]

    def here(self) -> list[asyncio.Task[None]]:
        """Return those whose work is done in this process, and not by a worker."""
        return [task for task, run in self.tasks.items() if not run.settled and not run.waits_for_worker]

    def of_leases(self, lease_ids: Iterable[str]) -> list[Run]:
        """Return the runs under these leases."""
        leases = set(lease_ids)
        return [run for run in self.handling.values() if run.batch.lease_id in leases]

    def _stop_late(self, run: Run) -> None:
        self.ask(run, StopReason.DEADLINE)
        if run.on_thread:
            run.forsake()
        else:
            asyncio.get_running_loop().call_later(_GRACE_SECONDS, self._on_overdue, run)
