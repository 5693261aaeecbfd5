"""Tokens of the API: they are made, shown once, known by their digest, and revoked."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING, Final

from remembrancer.context import current_actor
from remembrancer.errors import InvalidInput
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.model.token import AccessToken, NewToken, Scope
from remembrancer.ports.writes import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.ports.clock import Clock
    from remembrancer.ports.tokens import TokenStore

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")
_BYTES: Final = 32


class TokenService:
    """The tokens of one graph.

    A token is 256 random bits, so that one plain SHA-256 keeps it as safe as a slow digest would keep a password.

    Args:
        tokens: The store of tokens.
        clock: The time.
    """

    def __init__(self, tokens: TokenStore, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    async def create(self, name: str, scope: str) -> NewToken:
        """Make a token. Raises InvalidInput: the name is taken or unusable, or there is no such scope."""
        if not _NAME.fullmatch(name):
            raise InvalidInput("name", name, "1 to 64 letters, digits, spaces and . _ @ -", "dashboard")
        if scope not in set(Scope):
            raise InvalidInput("scope", scope, ", ".join(Scope), "read")
        text = f"rmb_{secrets.token_urlsafe(_BYTES)}"
        made = NewToken(name=name, scope=Scope(scope), created_at=from_ms(to_ms(self._clock.now())), token=text)
        if not await self._tokens.add(made, _digest(text), self._change("create_token")):
            raise InvalidInput("name", name, "a name that no token has had", f"{name[:60]}-2")
        return made

    async def all(self) -> Sequence[AccessToken]:
        """Return every token, by name."""
        return await self._tokens.all()

    async def revoke(self, name: str) -> bool:
        """Revoke a token; return whether this call did it."""
        return await self._tokens.revoke(name, self._change("revoke_token"))

    async def admit(self, text: str) -> AccessToken | None:
        """Return the token with this text; None for one that is unknown or revoked."""
        token = await self._tokens.by_digest(_digest(text))
        return None if token is None or token.revoked_at else token

    def _change(self, action: str) -> Change:
        author = current_actor()
        return Change(action, self._clock.now(), author.surface, author.actor)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
