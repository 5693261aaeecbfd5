"""Pools of connections that are replaced together: if one has died silently, the others have too."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from neo4j.exceptions import DriverError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from neo4j import AsyncDriver, AsyncSession
    from neo4j.api import AsyncBookmarkManager

_CLOSE_SECONDS: Final = 2.0
"""The time for closing; a server that does not answer notices by itself."""
_SLOWEST: Final = 4


class Pool:
    """The connections of one lane, and the time within which a call on one of them must be answered.

    If a deadline passes, a connection is dead or the network is slow. So the connections are replaced, and the next
    call gets twice the time, up to four times; the first answer in time resets it.

    Args:
        connect: Makes a driver.
        database: Its name; None for the server's default.
        seconds: The time of a call.
        fetch_size: The rows that the server sends at a time; -1 is all.
    """

    def __init__(
        self, connect: Callable[[], AsyncDriver], database: str | None, seconds: float, fetch_size: int = -1
    ) -> None:
        self._fetch_size = fetch_size
        self._connect = connect
        self._database = database
        self._seconds = seconds
        self._backoff = 1
        self._driver = connect()
        self._in_use: Counter[AsyncDriver] = Counter()
        self._closing: set[asyncio.Task[None]] = set()
        self.most = 0
        """The most that were in use at once: the driver keeps them open."""

    @property
    def seconds(self) -> float:
        """The time within which the next call must be answered."""
        return self._seconds * self._backoff

    @asynccontextmanager
    async def session(
        self, access: str, bookmarks: AsyncBookmarkManager | None
    ) -> AsyncGenerator[tuple[AsyncSession, AsyncDriver]]:
        """Open a session; yield it with its driver."""
        driver = self._driver
        self._in_use[driver] += 1
        self.most = max(self.most, self._in_use[driver])
        try:
            async with driver.session(  # pyright: ignore[reportUnknownMemberType] (its options are untyped)
                database=self._database,
                default_access_mode=access,
                bookmark_manager=bookmarks,
                fetch_size=self._fetch_size,
            ) as session:
                yield session, driver
        finally:
            self._in_use[driver] -= 1
            self._release(driver)

    def answered(self, seconds: float) -> None:
        """Note that a call was answered after *seconds*."""
        if seconds < self._seconds:
            self._backoff = 1

    def give_up(self, driver: AsyncDriver) -> bool:
        """Note that a call on *driver* was not answered in time; return whether new calls still use that driver."""
        if driver is not self._driver:
            return False
        self._backoff = min(2 * self._backoff, _SLOWEST)
        return True

    def replace(self) -> None:
        """Let new calls use new connections."""
        old, self._driver = self._driver, self._connect()
        self._release(old)

    async def close(self) -> None:
        """Close all connections, within a few seconds."""
        self._close_later(self._driver)
        await asyncio.gather(*self._closing)

    def _release(self, driver: AsyncDriver) -> None:
        """Close a replaced driver once the last call on it has ended."""
        if driver is not self._driver and self._in_use[driver] == 0:
            del self._in_use[driver]
            self._close_later(driver)

    def _close_later(self, driver: AsyncDriver) -> None:
        task = asyncio.get_running_loop().create_task(_close(driver))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _close(driver: AsyncDriver) -> None:
    with suppress(DriverError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await driver.close()
