"""Cancellation of executions whose task is cancelled, or that others replace: at once here, elsewhere by polling."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.context import current_actor
from remembrancer.engine.execution.run import StopReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.engine.execution.outcome_writer import OutcomeWriter
    from remembrancer.engine.execution.run import Run
    from remembrancer.engine.execution.runs import Runs
    from remembrancer.engine.execution.slots import Reservation
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.halts import HaltRecord
    from remembrancer.settings import SchedulerOptions

_LOG: Final = logging.getLogger("remembrancer")
_WRITTEN_WITHIN_SECONDS: Final = 5.0
"""The time a cancel waits for the outcomes of the runs that it withdrew; they are written in any case."""
_READ_WITHIN_SECONDS: Final = 5.0


class Cancellations:
    """Stops the runs of tasks that were cancelled.

    Args:
        runs: The runs of this process.
        outcomes: Writes their outcomes.
    """

    def __init__(self, runs: Runs, outcomes: OutcomeWriter) -> None:
        self._runs = runs
        self._outcomes = outcomes
        self.reserved: set[Reservation] = set()
        """Those whose claims are being written."""

    async def cancel(self, task_id: str) -> list[str]:
        """Stop the runs of a task whose cancel is committed; return the executions that were asked to stop.

        A run that has not begun never begins, and its outcome is written when this returns.
        """
        claimed = [each for each in self.reserved if task_id in each.task_ids]
        for each in claimed:
            each.cancelled.add(task_id)
        stopping, written = self._stop(task_id)
        with suppress(TimeoutError):
            async with asyncio.timeout(_WRITTEN_WITHIN_SECONDS):
                for each in claimed:
                    await each.landed.wait()
                    written += each.withdrawn
                for each in written:
                    await asyncio.shield(each)
        return stopping

    def withdraw(self, run: Run, reservation: Reservation) -> None:
        """Withdraw a run whose task was cancelled while it was claimed."""
        reservation.withdrawn.append(self._outcomes.watch(run.execution_id))
        self._runs.ask(run, StopReason.CANCELLED)

    async def poll(self, store: Graph, clock: Clock, options: SchedulerOptions) -> None:
        """Poll a shared graph without end for a halt, and for tasks that run here and were cancelled elsewhere."""
        while not store.exclusive:
            try:
                await clock.wait(clock.now() + timedelta(seconds=options.poll_interval_seconds), asyncio.Event())
                free = [run for run in self._runs.handling.values() if run.asked is None and not run.spared]
                if not free:
                    continue
                replaced: Mapping[str, str] = {}
                replaceable = [run.execution_id for run in free if run.is_replaceable]
                async with asyncio.timeout(_READ_WITHIN_SECONDS):
                    self.meet_halt(await store.halts.read())
                    cancelled = await store.audit.cancelled(sorted({run.task_id for run in free}))
                    if replaceable:
                        replaced = await store.limits.stopped(replaceable)
            except Exception as error:  # noqa: BLE001 (whatever it is, the next poll follows)
                _LOG.warning("The cancellations of tasks under way could not be read: %r", error)
                await asyncio.sleep(options.poll_interval_seconds)
                continue
            for task_id in cancelled:
                self._stop(task_id)
            for execution_id, reason in replaced.items():
                self.replace(execution_id, reason)

    def replace(self, execution_id: str, reason: str) -> bool:
        """Ask a run to stop in whose place another one is to run; return whether it runs here."""
        run = self._runs.handling.get(execution_id)
        if run is not None and run.asked is None:
            run.asked_because = reason
            self._runs.ask(run, StopReason.REPLACED)
        return run is not None

    def meet_halt(self, record: HaltRecord) -> list[str]:
        """Ask what runs to stop, if a halt says so; but not the handler that has halted, nor what was forced in it.

        Return those that had begun.
        """
        if not record.in_force or not record.stops_runs:
            return []
        actor = current_actor()
        stopping: list[str] = []
        for run in list(self._runs.handling.values()):
            if actor.surface == "handler" and actor.actor == run.execution_id:
                run.spared = True
            elif _is_halted(run, record) and self._runs.ask(run, StopReason.HALTED):
                stopping.append(run.execution_id)
        return stopping

    def _stop(self, task_id: str) -> tuple[list[str], list[asyncio.Future[None]]]:
        """Ask the runs of a task to stop; return those that had begun, and a waiter for the outcomes of the others."""
        actor = current_actor()
        stopping: list[str] = []
        written: list[asyncio.Future[None]] = []
        for run in [each for each in self._runs.handling.values() if each.task_id == task_id]:
            if actor.surface == "handler" and actor.actor == run.execution_id:
                run.spared = True
            elif run.asked is None and not run.spared:
                if self._runs.ask(run, StopReason.CANCELLED):
                    stopping.append(run.execution_id)
                else:
                    written.append(self._outcomes.watch(run.execution_id))
        return stopping, written


def _is_halted(run: Run, record: HaltRecord) -> bool:
    """Return whether a halt is to stop a run: not one that a person has forced since it was last declared."""
    return run.asked is None and not run.spared and run.forced_in != record.edition
