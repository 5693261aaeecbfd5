"""Slots: every start of a handler takes one, so that at most `max_concurrent_handlers` run."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from remembrancer.engine.lease_clock import lease_time

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator
    from typing import Self


class Slots:
    """A number of slots: taken before a claim is written, given back when the handler has ended.

    Args:
        limit: Their number.
        on_free: Called when slots become free that no caller waits for.
    """

    def __init__(self, limit: int, on_free: Callable[[], None]) -> None:
        self.limit = limit
        self.free = limit
        self._on_free = on_free
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self, most: int) -> int:
        """Take up to *most* slots; return the number taken."""
        taken = max(0, min(most, self.free))
        self.free -= taken
        return taken

    def give_back(self, count: int) -> None:
        """Give slots back; the callers that wait for one come first."""
        while count and self._waiting:
            self._waiting.popleft().set_result(None)
            count -= 1
        if count:
            self.free += count
            self._on_free()

    async def wait_for_one(self, seconds: float) -> bool:
        """Take one slot, waiting up to *seconds* for it; return True if there was one."""
        if self.take(1):
            return True
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(slot)
        try:
            await asyncio.wait([slot], timeout=seconds)
        except asyncio.CancelledError:
            if slot.done():
                self.give_back(1)
            raise
        finally:
            if not slot.done():
                self._waiting.remove(slot)
        return slot.done()


@dataclass(slots=True, eq=False)
class Reservation:
    """Slots reserved for executions that are being claimed, and those of their tasks that are cancelled until then.

    It ends with its `with` statement: slots that started no handler are given back then.
    """

    pool: Slots
    slots: int
    under_way: set[Reservation]
    """All reservations of the executor; this one is among them while its claims are being written."""
    task_ids: frozenset[str] = frozenset()
    sent: float = 0.0
    """The time the claims were sent, by `lease_time`: their leases hold from then on."""
    cancelled: set[str] = field(default_factory=set[str])
    withdrawn: list[asyncio.Future[None]] = field(default_factory=list["asyncio.Future[None]"])
    """Resolved when the outcomes of claimed executions that a cancel has withdrawn are written."""
    landed: asyncio.Event = field(default_factory=asyncio.Event)

    def claim(self, task_ids: Collection[str], most: int | None = None) -> None:
        """Send claims on these tasks; slots beyond *most* are given back first."""
        if most is not None and most < self.slots:
            self.pool.give_back(self.slots - most)
            self.slots = most
        self.task_ids = frozenset(task_ids)
        self.sent = lease_time()
        self.under_way.add(self)

    @contextmanager
    def until_sent(self) -> Generator[None]:
        """Give the slots back at the end of the `with` statement, unless claims were sent in it."""
        try:
            yield
        finally:
            if self not in self.under_way:
                self.__exit__()

    def use(self, count: int) -> None:
        """Pass slots to handlers that start."""
        self.slots -= count

    def __enter__(self) -> Self:
        """Hold the slots."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give back unused slots."""
        self.under_way.discard(self)
        self.landed.set()
        slots, self.slots = self.slots, 0
        if slots > 0:
            self.pool.give_back(slots)
