"""Tokens as nodes of the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.moment import to_ms
from remembrancer.model.token import AccessToken
from remembrancer.stores.session import Statement, UniqueKeyTaken
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.stores.session import Row, Session


class GraphTokens:
    """The contract and its laws: `remembrancer.ports.tokens.Tokens`.

    Args:
        session: An open graph.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, token: AccessToken, digest: str) -> bool:
        """Keep a token; False if its name is taken."""
        row: Row = {"name": token.name, "scope": token.scope, "digest": digest, "created_ms": to_ms(token.created_at)}
        try:
            await self._session.write([Statement("create_tokens", [row])])
        except UniqueKeyTaken:
            return False
        return True

    async def by_digest(self, digest: str) -> AccessToken | None:
        """Return the token with this digest, revoked or not."""
        found = await self._session.read(query("token_by_digest"), {"digest": digest})
        return AccessToken.model_validate(found[0]["k"]) if found else None

    async def all(self) -> Sequence[AccessToken]:
        """Return every token, by name."""
        return [AccessToken.model_validate(row["k"]) for row in await self._session.read(query("tokens"), {})]

    async def revoke(self, name: str, at: datetime) -> bool:
        """Let a token open nothing any more; say whether this call did it."""
        answers = await self._session.write([Statement("revoke_tokens", [{"name": name, "revoked_ms": to_ms(at)}])])
        return bool(answers[0])
