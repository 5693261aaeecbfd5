"""Cues: tasks whose queries are asked at a pace of their own, beside all other work; new matches become occurrences."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from remembrancer.completion import complete
from remembrancer.errors import GraphBusy, InvalidInput
from remembrancer.model.reacting_schedules import Cue
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.policies.cues import cued, has_room, place_in
from remembrancer.policies.matches import matches_of
from remembrancer.ports.watches import FailedCheck, WatchChange
from remembrancer.schedules.reaction import pace_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.engine.faults import Faults
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.matches import Match
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.watches import Watch

_AT_ONCE: Final = 3
"""Queries under way; those that failed before are asked one by one beside them."""
_SOON_MS: Final = 5_000
"""The wait of matches without room, and of a check whose graph did not answer."""
_LONGEST_BACKOFF_MS: Final = 3_600_000
_MOST_DOUBLED: Final = 20
_ROUNDS: Final = 20
_LONGEST_ERROR: Final = 500
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Cues:
    """The cues that one replica serves.

    The times of checks are kept in this process: a check that finds nothing new writes nothing. Another replica, or
    this one after a restart, checks at once.

    Args:
        store: The graph.
        clock: The time.
        faults: Records and logs faults.
    """

    def __init__(self, store: Graph, clock: Clock, faults: Faults) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self._next: dict[str, int] = {}
        self._asked_for: dict[str, int] = {}
        """The `check_at_ms` of each: with another one it is checked at once."""
        self._last: dict[str, datetime] = {}
        self._failures: dict[str, int] = {}
        self._checks: dict[str, asyncio.Task[None]] = {}
        self._turns, self._slow_turn = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(1)

    def serve(self, watches: Sequence[Watch]) -> None:
        """Serve these cues from now on, and no others."""
        asked_for = {each.task_id: each.check_at_ms for each in watches}
        for gone in self._asked_for.keys() - asked_for.keys():
            for known in (self._next, self._last, self._failures):
                known.pop(gone, None)
        for task_id, at_ms in asked_for.items():
            if self._asked_for.get(task_id) != at_ms:
                self._next[task_id] = at_ms
                self._failures.pop(task_id, None)
        self._asked_for = asked_for

    @property
    def next_at(self) -> datetime | None:
        """The time of the next check, or the present while one is under way; None without any."""
        if self._checks:
            return self._clock.now()
        return from_ms(min(self._next.values())) if self._next else None

    async def begin(self) -> None:
        """Begin the checks that are due."""
        now_ms = to_ms(self._clock.now())
        due = [each for each, at_ms in self._next.items() if at_ms <= now_ms and each not in self._checks]
        if not due:
            return
        found = {each.task_id: each for each in await self._store.watches.tasks(due)}
        for task_id in due:
            self._next[task_id] = now_ms + _SOON_MS
            task = found.get(task_id)
            if task is None or not task.is_open or not isinstance(task.schedule, Cue):
                self._next.pop(task_id)
                continue
            check = asyncio.get_running_loop().create_task(self._check(task, task.schedule))
            self._checks[task_id] = check
            check.add_done_callback(partial(self._ended, task_id))

    async def idle(self) -> None:
        """Return when no check is under way."""
        while self._checks:
            await asyncio.wait(self._checks.values())

    async def end(self) -> None:
        """End the checks under way; a write that has begun is finished."""
        for each in self._checks.values():
            each.cancel()
        await self.idle()

    def _ended(self, task_id: str, _: asyncio.Task[None]) -> None:
        self._checks.pop(task_id, None)

    async def _check(self, task: ScheduledTask, cue: Cue) -> None:
        turn = self._slow_turn if task.task_id in self._failures else self._turns
        async with turn:
            await self._faults.survive("The cues", partial(self._look, task, cue))

    async def _look(self, task: ScheduledTask, cue: Cue) -> None:
        """Ask the query of a cue, if its matches have room, and write what is new."""
        asked_at, pace_ms = self._clock.now(), pace_seconds(cue) * 1000
        matches = None
        if has_room(task, place_in(task)):
            try:
                matches = await self._matches(task, cue, asked_at)
            except (InvalidInput, GraphBusy) as fault:
                await self._fail(task, fault, pace_ms)
                return
        if not await complete(self._write(task, matches, asked_at)):
            self._next[task.task_id] = to_ms(self._clock.now())  # it has changed: by another replica, or a caller
            return
        if matches is not None:
            self._last[task.task_id] = asked_at
            self._failures.pop(task.task_id, None)
        waits = min(pace_ms, _SOON_MS) if matches is None else pace_ms
        self._next[task.task_id] = to_ms(asked_at) + waits

    async def _matches(self, task: ScheduledTask, cue: Cue, asked_at: datetime) -> list[Match]:
        """Return the matches of a cue's query. Raises InvalidInput, GraphUnavailable."""
        kept_ms = place_in(task).checked_ms
        last = self._last.get(task.task_id) or (from_ms(kept_ms) if kept_ms else _FIRST)
        given = {"now": asked_at, "last_check": last, "task_id": task.task_id}
        rows = await self._store.watches.matches(cue.cypher, {**(cue.parameters or {}), **given}, task.task_id)
        return await asyncio.to_thread(matches_of, rows)

    async def _write(self, task: ScheduledTask, matches: Sequence[Match] | None, asked_at: datetime) -> bool:
        """Write what a check has changed; return False if the answer is no longer one to the state of the task."""
        asked = task
        for _ in range(_ROUNDS):
            now = self._clock.now()
            after = cued(task, matches, to_ms(asked_at), to_ms(now))
            if after is task or (await self._store.watches.write([WatchChange(task, after, now)]))[0]:
                return True
            found = await self._store.watches.tasks([task.task_id])
            if not found or not found[0].is_open:
                return True
            (task,) = found
            if (task.watch, task.schedule_spec) != (asked.watch, asked.schedule_spec):
                return False
        return False

    async def _fail(self, task: ScheduledTask, fault: InvalidInput | GraphBusy, pace_ms: int) -> None:
        """Write why a check failed, and try it again after a wait that doubles."""
        failures = self._failures[task.task_id] = self._failures.get(task.task_id, 0) + 1
        now = self._clock.now()
        waits = pace_ms * 2 ** min(failures, _MOST_DOUBLED)
        self._next[task.task_id] = to_ms(now) + min(waits, max(pace_ms, _LONGEST_BACKOFF_MS))
        text = f"{fault.field}: {fault.allowed}" if isinstance(fault, InvalidInput) else str(fault)
        error = " ".join(text.split())[:_LONGEST_ERROR]
        if error != task.check_error:
            await self._store.watches.fail(FailedCheck(task.task_id, task.schedule_spec, error, now))
