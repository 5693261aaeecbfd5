"""Who we are to a Neo4j server: the password of now, and no more wrong tries than the server forgives.

A server locks a user out for a while after three wrong passwords, whoever sent them: a process with an old one must not
take the right one from all others. So all connections of a graph share one of these. Once the server has refused a
password, the file that it came from is read again, and the same one is tried again every few seconds only; connections
that are open stay in use meanwhile.
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
"""New connections come one after the other: on a server with time for us, the first refusal is known by the next."""
_UNHEARD: Final = 2
"""So many new connections may be under way with nothing heard of the server since: three refusals lock a user out."""
_HEAR_SECONDS: Final = 2.0
"""The next one waits so long for an answer to those: a server that is down gives none."""
_REFUSED: Final = ("Neo.ClientError.Security.Unauthorized", "Neo.ClientError.Security.AuthenticationRateLimit")


@dataclass(slots=True)
class _Known:
    """What all connections of a graph know of its password, whichever event loop they belong to."""

    password: str
    refused: str | None = None
    """The password that the server refused last."""
    trying: bool = False
    """Whether it was given out once more since."""
    again_at: float = 0.0
    next_at: float = 0.0
    unheard: int = 0
    """New connections since the server was heard last."""
    lock: Lock = field(default_factory=Lock)


class Credentials(AsyncAuthManager):
    """User and password of one graph, for every connection to it.

    Args:
        address: Whose; it may name the file of the password, which changes.
        of: Of the same graph, for another event loop: what one of them hears of the server, the other knows.
    """

    def __init__(self, address: Address, of: Credentials | None = None) -> None:
        self._address = address
        self._known = of._known if of else _Known(address.password or "")  # noqa: SLF001 (its own class)
        self._gate = asyncio.Lock()

    async def get_auth(self) -> Auth | None:
        """Return what to log in with; None for a server that asks for nothing."""
        return basic_auth(self._address.user, self._known.password) if self._address.user else None

    async def handle_security_exception(self, auth: object, error: Neo4jError) -> bool:
        """Say whether a connection that was open is worth another try; a new one that is refused is not told here."""
        del auth
        return self.hear(error)

    def hear(self, error: Neo4jError) -> bool:
        """Note it if the server has refused the password; say whether there may be another one."""
        if error.code not in _REFUSED:
            return False
        known = self._known
        known.unheard, known.refused, known.trying = 0, known.password, False
        known.again_at = time.monotonic() + _TRY_EVERY_SECONDS
        return self._address.password_file is not None

    def answered(self) -> None:
        """The server has answered: whatever it says of new connections, it has said."""
        self._known.unheard = 0

    async def admit(self) -> None:
        """Let a new connection be opened. Raises AuthError while the password that it would bring was refused."""
        known, give_up = self._known, time.monotonic() + _HEAR_SECONDS
        async with self._gate:
            while not self._takes_its_turn(give_up):  # noqa: ASYNC110 (what it waits for is another loop's)
                await asyncio.sleep(_APART_SECONDS)
            try:
                if known.refused is not None:
                    await self._admit_after_refusal()
            except AuthError:
                known.unheard = max(0, known.unheard - 1)  # the server is not asked
                raise

    def _takes_its_turn(self, give_up: float) -> bool:
        """Whether a new connection may be opened now: not too soon after another, nor after two of unknown outcome."""
        known, now = self._known, time.monotonic()
        with known.lock:
            if now < known.next_at or (known.unheard >= _UNHEARD and now < give_up):
                return False
            known.next_at = now + _APART_SECONDS
            known.unheard += 1
            return True

    async def _admit_after_refusal(self) -> None:
        await self._renew()
        known, now = self._known, time.monotonic()
        if known.password != known.refused or (known.trying and now >= known.again_at):
            known.refused, known.trying = None, False  # another one, or the one try was not refused
        elif now < known.again_at:
            raise AuthError("the server has refused this password a moment ago, and it is not tried again yet")
        else:
            known.trying, known.again_at = True, now + _TRY_EVERY_SECONDS

    async def _renew(self) -> None:
        """Read the password's file again, if it has one; one that cannot be read just now leaves what was read."""
        if self._address.password_file:
            try:
                self._known.password = await asyncio.to_thread(read_password, self._address.password_file)
            except InvalidInput:
                return
