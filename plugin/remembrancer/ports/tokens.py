"""The token store port: a graph holds the digest of a token, and never the token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.token import AccessToken
    from remembrancer.ports.writes import Change


class TokenStore(Protocol):
    """The tokens of one graph."""

    async def add(self, token: AccessToken, digest: str, change: Change) -> bool:
        """Store a token by its *digest*; return False, and write nothing, if its name is taken."""
        ...

    async def by_digest(self, digest: str) -> AccessToken | None:
        """Return the token with this digest, revoked or not."""
        ...

    async def all(self) -> Sequence[AccessToken]:
        """Return every token, by name."""
        ...

    async def revoke(self, name: str, change: Change) -> bool:
        """Revoke a token; return False if there is none of this name, or it was revoked before."""
        ...
