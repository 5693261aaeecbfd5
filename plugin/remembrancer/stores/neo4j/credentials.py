"""The login to a Neo4j server: the current password, and no more wrong tries than the server allows.

A server locks a user out for a while after three wrong passwords, from whichever client: a process with an old one must
not lock out all others. So all connections of a graph share one `Credentials`. Once the server has refused a password,
its file is read again, and the same password is tried again only every few seconds. Open connections stay in use.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

from neo4j import Auth, basic_auth
from neo4j.auth_management import AsyncAuthManager
from neo4j.exceptions import AuthError, Neo4jError

from remembrancer.errors import InvalidInput
from remembrancer.stores.neo4j.address import read_password

if TYPE_CHECKING:
    from remembrancer.stores.neo4j.address import Address

_TRY_EVERY_SECONDS: Final = 6.0
"""Longer than a server locks a user out by default."""
_APART_SECONDS: Final = 0.05
"""The pause between new connections: on a server that is not busy, a refusal is known before the next one."""
_MOST_UNANSWERED: Final = 2
"""The most new connections without an answer of the server: three refusals lock a user out."""
_RESPONSE_SECONDS: Final = 2.0
"""The time for which the next one waits for an answer to those: a server that is down gives none."""
_REFUSED: Final = ("Neo.ClientError.Security.Unauthorized", "Neo.ClientError.Security.AuthenticationRateLimit")


@dataclass(slots=True)
class _Known:
    """The state of a graph's password that all its connections share, on all event loops."""

    password: str
    refused: str | None = None
    """The password that the server refused last."""
    trying: bool = False
    """True if it was tried once more since."""
    retry_at: float = 0.0
    next_at: float = 0.0
    unanswered: int = 0
    """New connections since the last answer of the server."""
    lock: Lock = field(default_factory=Lock)


class Credentials(AsyncAuthManager):
    """User and password of one graph, for every connection to it.

    Args:
        address: Of the graph; it may name the file of the password, which may change.
        of: Of the same graph, for another event loop: the two share all that they learn.
    """

    def __init__(self, address: Address, of: Credentials | None = None) -> None:
        self._address = address
        self._known = of._known if of else _Known(address.password or "")  # noqa: SLF001 (its own class)
        self._gate = asyncio.Lock()

    async def get_auth(self) -> Auth | None:
        """Return the login; None for a server without authentication."""
        return basic_auth(self._address.user, self._known.password) if self._address.user else None

    async def handle_security_exception(self, auth: object, error: Neo4jError) -> bool:
        """Return whether an open connection is worth another try; a refused new one does not come here."""
        del auth
        return self.hear(error)

    def hear(self, error: Neo4jError) -> bool:
        """Note a refusal of the password; return whether there may be another one."""
        if error.code not in _REFUSED:
            return False
        known = self._known
        known.unanswered, known.refused, known.trying = 0, known.password, False
        known.retry_at = time.monotonic() + _TRY_EVERY_SECONDS
        return self._address.password_file is not None

    def answered(self) -> None:
        """Note that the server has answered: no new connection is without an answer."""
        self._known.unanswered = 0

    async def wait_for_connection(self) -> None:
        """Wait until a new connection may be opened. Raises AuthError while its password counts as refused."""
        known, give_up = self._known, time.monotonic() + _RESPONSE_SECONDS
        async with self._gate:
            while not self._may_connect(give_up):  # noqa: ASYNC110 (what it waits for is another loop's)
                await asyncio.sleep(_APART_SECONDS)
            try:
                if known.refused is not None:
                    await self._try_again()
            except AuthError:
                known.unanswered = max(0, known.unanswered - 1)  # the server is not asked
                raise

    def _may_connect(self, give_up: float) -> bool:
        """Return True if a connection may be opened now: not soon after another, nor after two without an answer."""
        known, now = self._known, time.monotonic()
        with known.lock:
            if now < known.next_at or (known.unanswered >= _MOST_UNANSWERED and now < give_up):
                return False
            known.next_at = now + _APART_SECONDS
            known.unanswered += 1
            return True

    async def _try_again(self) -> None:
        await self._renew()
        known, now = self._known, time.monotonic()
        if known.password != known.refused or (known.trying and now >= known.retry_at):
            known.refused, known.trying = None, False  # another password, or the one try was not refused
        elif now < known.retry_at:
            raise AuthError("the server has just refused this password, and it is not tried again yet")
        else:
            known.trying, known.retry_at = True, now + _TRY_EVERY_SECONDS

    async def _renew(self) -> None:
        """Read the password's file again, if there is one; if that fails, the former password stays."""
        if self._address.password_file:
            try:
                self._known.password = await asyncio.to_thread(read_password, self._address.password_file)
            except InvalidInput:
                return
