"""Connections that are given up together: when one has died without a word, the others of its kind have too."""

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
"""To say goodbye; a server that does not answer finds out by itself."""
_SLOWEST: Final = 4


class Pool:
    """One lane's connections, and within what time a call on one of them has to be answered.

    A deadline that passes says that a connection is dead, or that the way to the server is slow. So the connections
    are replaced, and the next call is given twice the time, up to four times; the first answer in time resets it.

    Args:
        connect: Makes a driver.
        database: Which one; None for the server's own default.
        seconds: A call's time.
        fetch_size: How many rows the server sends at a time; -1 is all.
    """

    def __init__(
        self, connect: Callable[[], AsyncDriver], database: str | None, seconds: float, fetch_size: int = -1
    ) -> None:
        self._fetch_size = fetch_size
        self._connect = connect
        self._database = database
        self._seconds = seconds
        self._stretch = 1
        self._driver = connect()
        self._in_use: Counter[AsyncDriver] = Counter()
        self._closing: set[asyncio.Task[None]] = set()
        self.most = 0
        """The most that were in use at a time: the driver keeps what it has opened."""

    @property
    def seconds(self) -> float:
        """Within how long the next call has to be answered."""
        return self._seconds * self._stretch

    @asynccontextmanager
    async def session(
        self, access: str, bookmarks: AsyncBookmarkManager | None
    ) -> AsyncGenerator[tuple[AsyncSession, AsyncDriver]]:
        """Open a session, and say of which driver it is."""
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
            self._let_go(driver)

    def answered(self, seconds: float) -> None:
        """A call was answered after so many seconds."""
        if seconds < self._seconds:
            self._stretch = 1

    def give_up(self, driver: AsyncDriver) -> bool:
        """A call on a connection of *driver* was not answered in time; say whether new calls take the same."""
        if driver is not self._driver:
            return False
        self._stretch = min(2 * self._stretch, _SLOWEST)
        return True

    def replace(self) -> None:
        """Let new calls take new connections."""
        old, self._driver = self._driver, self._connect()
        self._let_go(old)

    async def close(self) -> None:
        """Let the server go, within a few seconds."""
        self._close_behind(self._driver)
        await asyncio.gather(*self._closing)

    def _let_go(self, driver: AsyncDriver) -> None:
        """Close what was given up, once the last call on it has ended."""
        if driver is not self._driver and self._in_use[driver] == 0:
            del self._in_use[driver]
            self._close_behind(driver)

    def _close_behind(self, driver: AsyncDriver) -> None:
        task = asyncio.get_running_loop().create_task(_close(driver))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _close(driver: AsyncDriver) -> None:
    with suppress(DriverError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await driver.close()
