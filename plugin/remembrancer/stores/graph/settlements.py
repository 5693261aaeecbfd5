"""Settlement of executions: all in one commit, or, if others lock some of them, the free ones first."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from remembrancer.errors import ForeignConstraint, GraphBusy
from remembrancer.model.control_characters import visible
from remembrancer.stores.commits.statement import rows_of
from remembrancer.stores.graph.outcomes import settle_statements
from remembrancer.stores.rows.lease_rows import release_leases
from remembrancer.stores.rows.priority_rows import note_changes
from remembrancer.stores.rows.slot_rows import freed_keys

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from remembrancer.ports.writes import Settlement
    from remembrancer.stores.commits.statement import Row, Statement
    from remembrancer.stores.graph.parts import GraphParts

_LOG: Final = logging.getLogger("remembrancer")
_T = TypeVar("_T")
_REFUSALS: Final = (GraphBusy, ForeignConstraint)
_LOCKED_SECONDS: Final = 10.0
"""The time for which a locked outcome is tried again; then its caller gets the error, and may try again."""
_MOST: Final = 10_000
_PAUSE_SECONDS: Final = 0.25
_AT_A_TIME: Final = 64
"""Those that are not locked go together in a commit."""


class Settlements:
    """Writes outcomes.

    Args:
        parts: Of the open graph.
    """

    def __init__(self, parts: GraphParts) -> None:
        self._connection = parts.connection
        self._index = parts.index
        self._time_links = parts.time_links
        self._executions = parts.executions
        self._signals = parts.signals
        self._slots = parts.slots
        self._retries = parts.retries
        self._priorities = parts.priorities
        self._answered: dict[str, bool] = {}
        """True if outcomes were written whose callers got an error, since others of their batch were not."""

    async def settle(self, settlements: Sequence[Settlement], ended_leases: Sequence[str]) -> list[bool]:
        """Write each outcome whose execution still runs under the same fence; return which were written.

        Raises GraphUnavailable if one of them could not be; a second call writes those that are left.
        """
        if not self._answered or not any(each.execution.execution_id in self._answered for each in settlements):
            try:
                return await self._write(settlements, ended_leases)
            except _REFUSALS as error:
                if len(settlements) == 1 and isinstance(error, ForeignConstraint):
                    raise
        ids = [each.execution.execution_id for each in settlements]
        await self._write_apart([each for each in settlements if each.execution.execution_id not in self._answered])
        if ended_leases:
            with suppress(GraphBusy):  # a lease that cannot be ended runs out
                await _retry_locked(lambda: self._connection.write([release_leases(ended_leases)]))
        return [self._answered.pop(each, False) for each in ids]

    async def _write_apart(self, settlements: Sequence[Settlement]) -> None:
        """Write each of them, a few at a time; raise the error of one that could not be written in the end."""
        gate = asyncio.Semaphore(_AT_A_TIME)
        ended = await asyncio.gather(*(self._write_one(each, gate) for each in settlements), return_exceptions=True)
        for each in ended:
            if each is not None:
                raise each

    async def _write_one(self, settlement: Settlement, gate: asyncio.Semaphore) -> None:
        async def write() -> list[bool]:
            async with gate:
                return await self._write([settlement], ())

        (written,) = await _retry_locked(write)
        if len(self._answered) > _MOST:
            self._answered.clear()
        self._answered[settlement.execution.execution_id] = written

    async def _write(self, settlements: Sequence[Settlement], ended_leases: Sequence[str]) -> list[bool]:
        """Write them in one commit."""
        reschedules = [settlement.reschedule for settlement in settlements if settlement.reschedule]
        element_ids = await self._executions.take([each.execution.execution_id for each in settlements])
        statements = settle_statements(settlements, element_ids, ended_leases)
        times = [reschedule.next_run_ms for reschedule in reschedules]
        times += [each.next_check.at_ms for each in settlements if each.next_check]
        waits = [each.retry_due_ms for each in settlements if each.retry_due_ms is not None]
        times += waits
        self._retries.arm(waits)
        answers = await self._index.write_armed(times, statements)
        for row in rows_of("arm_next_checks", statements, answers):
            if row["next_run_ms"] is not None:
                self._time_links.record(row["task_id"], row["next_run_ms"])
        for row in rows_of("defer_settled", statements, answers):
            reschedule = reschedules[int(row["row"])]
            if reschedule.next_run_ms is not None:
                self._time_links.record(reschedule.deferral.task_id, reschedule.next_run_ms)
        log_new(statements, answers)
        note_changes(self._priorities, statements, answers)
        self._signals.tell_of(each.execution.task_id for each in settlements)
        self._slots.tell(freed_keys(statements, answers))
        self._retries.arm(waits)
        written = {row["row"] for row in rows_of("settle_executions", statements, answers)}
        return [place in written for place in range(len(settlements))]


def log_new(statements: Sequence[Statement], answers: Sequence[list[Row]]) -> None:
    """Log once what needs a person, however often it fails.

    That is the first failure for a fault that is permanent or follows other attempts, the pause of a task, and a
    circuit that opens.
    """
    for statement, rows in zip(statements, answers, strict=True):
        if log := _LOGS.get(statement.name):
            for row in rows:
                log(row, statement.rows[int(row["row"])])


def _log_letter(row: Row, letter: Mapping[str, object]) -> None:
    if row["is_new"] and letter["gave_up"]:
        fault = visible(str(letter["fault"]))
        _LOG.error("Task %s failed for good, a dead letter: %s", letter["task_id"], fault)


def _log_pause(row: Row, _: object) -> None:
    _LOG.error("Task %s is paused: %s", row["task_id"], visible(str(row["reason"])))


def _log_circuit(row: Row, _: object) -> None:
    level = logging.ERROR if row["kind"] == "circuit_opened" else logging.INFO
    _LOG.log(level, "%s: %s", str(row["kind"]).replace("_", " ").capitalize(), visible(str(row["reason"])))


_LOGS: Final[Mapping[str, Callable[[Row, Mapping[str, object]], None]]] = {
    "record_dead_letters": _log_letter,
    "count_failures": _log_pause,
    "count_circuits": _log_circuit,
}
"""By their statements, what becomes of rows that need a person."""


async def _retry_locked(write: Callable[[], Awaitable[_T]]) -> _T:
    """Write, again for up to 10 seconds while others hold the locks."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + _LOCKED_SECONDS
    while True:
        try:
            return await write()
        except GraphBusy:
            if loop.time() > give_up_at:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
