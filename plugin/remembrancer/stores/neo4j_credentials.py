"""Who we are to a Neo4j server: the password of now, and no more wrong tries than the server forgives.

A server locks a user out for a while after three wrong passwords, whoever sent them: a process with an old one must not
take the right one from all others. So all connections of a graph share one of these. Once the server has refused a
password, the file that it came from is read again, and the same one is tried again every few seconds only; connections
that are open stay in use meanwhile.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from neo4j import Auth, basic_auth
from neo4j.auth_management import AsyncAuthManager
from neo4j.exceptions import AuthError, Neo4jError

from remembrancer.errors import InvalidInput
from remembrancer.stores.address import read_password

if TYPE_CHECKING:
    from remembrancer.stores.address import Address

_TRY_EVERY_SECONDS: Final = 6.0
"""Longer than a server locks a user out by default."""
_APART_SECONDS: Final = 0.05
"""New connections come one after the other: on a server with time for us, the first refusal is known by the next."""
_UNHEARD: Final = 2
"""So many new connections may be under way with nothing heard of the server since: three refusals lock a user out."""
_HEAR_SECONDS: Final = 2.0
"""The next one waits so long for an answer to those: a server that is down gives none."""
_REFUSED: Final = ("Neo.ClientError.Security.Unauthorized", "Neo.ClientError.Security.AuthenticationRateLimit")


class Credentials(AsyncAuthManager):
    """User and password of one graph, for every connection to it.

    Args:
        address: Whose; it may name the file of the password, which changes.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._password = address.password or ""
        self._refused: str | None = None
        """The password that the server refused last."""
        self._trying = False
        """Whether it was given out once more since."""
        self._again_at = 0.0
        self._gate = asyncio.Lock()
        self._next_at = 0.0
        self._unheard = 0
        self._heard = asyncio.Event()

    async def get_auth(self) -> Auth | None:
        """Return what to log in with; None for a server that asks for nothing."""
        return basic_auth(self._address.user, self._password) if self._address.user else None

    async def handle_security_exception(self, auth: object, error: Neo4jError) -> bool:
        """Say whether a connection that was open is worth another try; a new one that is refused is not told here."""
        del auth
        return self.hear(error)

    def hear(self, error: Neo4jError) -> bool:
        """Note it if the server has refused the password; say whether there may be another one."""
        if error.code not in _REFUSED:
            return False
        self.answered()
        self._refused, self._trying = self._password, False
        self._again_at = asyncio.get_running_loop().time() + _TRY_EVERY_SECONDS
        return self._address.password_file is not None

    def answered(self) -> None:
        """The server has answered: whatever it says of new connections, it has said."""
        self._unheard = 0
        self._heard.set()

    async def admit(self) -> None:
        """Let a new connection be opened. Raises AuthError while the password that it would bring was refused."""
        loop = asyncio.get_running_loop()
        async with self._gate:
            await asyncio.sleep(max(0.0, self._next_at - loop.time()))
            await self._hear_of_the_others()
            self._next_at = loop.time() + _APART_SECONDS
            if self._refused is not None:
                await self._admit_after_refusal()
            self._unheard += 1
            self._heard.clear()

    async def _hear_of_the_others(self) -> None:
        if self._unheard >= _UNHEARD:
            with suppress(TimeoutError):
                async with asyncio.timeout(_HEAR_SECONDS):
                    await self._heard.wait()

    async def _admit_after_refusal(self) -> None:
        await self._renew()
        now = asyncio.get_running_loop().time()
        if self._password != self._refused or (self._trying and now >= self._again_at):
            self._refused, self._trying = None, False  # another one, or the one try was not refused
        elif now < self._again_at:
            raise AuthError("the server has refused this password a moment ago, and it is not tried again yet")
        else:
            self._trying, self._again_at = True, now + _TRY_EVERY_SECONDS

    async def _renew(self) -> None:
        """Read the password's file again, if it has one; one that cannot be read just now leaves what was read."""
        if self._address.password_file:
            try:
                self._password = await asyncio.to_thread(read_password, self._address.password_file)
            except InvalidInput:
                return
