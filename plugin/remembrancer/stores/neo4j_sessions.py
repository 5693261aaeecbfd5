"""The driver's sessions on one database: in a cluster, each sees at least what the earlier ones have seen."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from neo4j import READ_ACCESS, WRITE_ACCESS, AsyncGraphDatabase
from neo4j.exceptions import Neo4jError

from remembrancer.stores.neo4j_meaning import may_pass

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractAsyncContextManager

    from neo4j import AsyncDriver, AsyncSession
    from neo4j.exceptions import DriverError

    from remembrancer.stores.address import Address

_LOG: Final = logging.getLogger("remembrancer")
_BEHIND: Final = (
    "Neo.TransientError.Transaction.BookmarkTimeout",
    "Neo.ClientError.Transaction.InvalidBookmark",
    "Neo.ClientError.Transaction.InvalidBookmarkMixture",
)
"""What a server answers that does not get where our bookmarks say it has been."""


class Sessions:
    """Opens sessions.

    Bookmarks are for the members of a cluster, which lag: by bolt:// there is one server, which has seen what it has
    answered. A database that was put back as it was before never gets where it has been, and would be waited for for
    ever: then the bookmarks are forgotten.

    Args:
        driver: Open.
        address: Which database.
    """

    def __init__(self, driver: AsyncDriver, address: Address) -> None:
        self._driver = driver
        self._address = address
        self._lags = address.uri.startswith("neo4j")
        self._in_use = 0
        self.connections = 0
        """The most that were in use at a time: the driver's pool keeps what it has opened."""
        self._forget()

    def to_read(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a session that any member of a cluster may serve."""
        return self._open(READ_ACCESS)

    def to_write(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a session that the leader serves."""
        return self._open(WRITE_ACCESS)

    def may_pass(self, error: DriverError | Neo4jError) -> bool:
        """Whether the same may succeed a moment later."""
        if isinstance(error, Neo4jError) and error.code in _BEHIND:
            self._forget()
            _LOG.warning("The graph %s is behind what it was: is it a copy of earlier?", self._address)
            return True
        return may_pass(error)

    def _forget(self) -> None:
        self._bookmarks = AsyncGraphDatabase.bookmark_manager() if self._lags else None

    @asynccontextmanager
    async def _open(self, access: str) -> AsyncGenerator[AsyncSession]:
        self._in_use += 1
        self.connections = max(self.connections, self._in_use)
        try:
            async with self._driver.session(  # pyright: ignore[reportUnknownMemberType] (its options are untyped)
                database=self._address.database,
                default_access_mode=access,
                bookmark_manager=self._bookmarks,
                fetch_size=-1,
            ) as session:
                yield session
        finally:
            self._in_use -= 1
