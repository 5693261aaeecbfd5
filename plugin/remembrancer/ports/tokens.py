"""The contract for keeping tokens: a graph knows a token by its digest alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.token import AccessToken
    from remembrancer.ports.writes import Change


class TokenStore(Protocol):
    """The tokens of one graph."""

    async def add(self, token: AccessToken, digest: str, change: Change) -> bool:
        """Keep a token that is known by *digest*; False, and nothing written, if its name is taken."""
        ...

    async def by_digest(self, digest: str) -> AccessToken | None:
        """Return the token with this digest, revoked or not."""
        ...

    async def all(self) -> Sequence[AccessToken]:
        """Return every token, by name."""
        ...

    async def revoke(self, name: str, change: Change) -> bool:
        """Let a token open nothing any more; False if there is none of this name, or it was revoked before."""
        ...
