"""When to look again; and, asleep on a shared graph, to hear of what others schedule meanwhile, and be ready for it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from remembrancer.engine.steps import steps_of
from remembrancer.errors import RemembrancerError

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.engine.faults import Faults
    from remembrancer.engine.options import Options
    from remembrancer.engine.presence import Presence
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.task_store import TaskStore

_BETWEEN: Final = timedelta(seconds=5)
"""A server plans anew when a graph has grown, ten seconds after it last did; else to ask is a dozen small reads."""


class Hearing:
    """The sleep of one checker.

    Args:
        store: The graph.
        clock: The time.
        options: How often to listen.
        presence: Whose tasks are ours to serve.
        faults: Where faults are told.
    """

    def __init__(self, store: TaskStore, clock: Clock, options: Options, presence: Presence, faults: Faults) -> None:
        self._store = store
        self._clock = clock
        self._options = options
        self._presence = presence
        self._faults = faults

    async def next_run_at(self) -> datetime | None:
        """Return when a task is due that is ours to serve, or when another's is late enough to help with."""
        mine, *others = self._presence.turns
        own = await self._store.next_run_at(mine.shares)
        if not others:
            return own
        anybodys = await self._store.next_run_at()
        if anybodys is None:
            return own
        late = anybodys + others[0].late
        return min(own, late) if own else late

    async def sleep(self, until: datetime, wake: asyncio.Event) -> None:
        """Wait for *until*, *wake*, or a step of the clock; on a shared graph, ask whether something comes sooner."""
        steps = steps_of(self._clock)
        stepped = steps.count
        while not self._store.exclusive:
            hear_at = self._clock.now() + timedelta(seconds=self._options.hearing_seconds)
            if hear_at >= until:
                break
            await self._clock.wait(hear_at, wake)
            if wake.is_set() or steps.count != stepped:
                return
            try:
                until = min(until, await self.next_run_at() or until)
            except RemembrancerError:
                return  # the pass that follows says what is wrong
        await self._clock.wait(until, wake)

    async def keep_ready(self) -> None:
        """On a shared graph, for ever: have the server plan what a pass asks and writes before anything is due.

        It plans a query when it first sees it, which takes a tenth of a second or more: the first tasks would wait.
        """
        never = asyncio.Event()
        while not self._store.exclusive:
            await self._faults.survive("Preparing the graph's server", self._prepare)
            await self._clock.wait(self._clock.now() + _BETWEEN, never)

    async def _prepare(self) -> None:
        with suppress(RemembrancerError):  # the pass that follows says what is wrong
            await self._store.roll.prepare()
            for turn in self._presence.turns:
                await self._store.due(self._clock.now() - turn.late, 1, None, turn.shares)
