"""Tokens, as nodes of the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.timestamps import to_iso
from remembrancer.model.token import AccessToken
from remembrancer.stores.commits.statement import Statement, UniqueKeyTaken
from remembrancer.stores.rows.audit_rows import change_row
from remembrancer.stores.rows.node_rows import to_json
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.ports.writes import Change
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.rows.readable_records import ReadableRecords


class GraphTokenStore:
    """The contract and its laws: `remembrancer.ports.tokens.TokenStore`.

    Args:
        connection: An open graph.
        records: Reads its nodes.
    """

    def __init__(self, connection: GraphConnection, records: ReadableRecords) -> None:
        self._connection = connection
        self._records = records

    async def add(self, token: AccessToken, digest: str, change: Change) -> bool:
        """Store a token; return False if its name is taken."""
        row: Row = {"name": token.name, "scope": token.scope, "digest": digest, **change_row(None, change)}
        row["after"] = to_json({"name": token.name, "scope": token.scope})
        try:
            await self._connection.write([Statement("create_tokens", [row])])
        except UniqueKeyTaken:
            return False
        return True

    async def by_digest(self, digest: str) -> AccessToken | None:
        """Return the token with this digest, revoked or not."""
        found = await self._connection.read(query("token_by_digest"), {"digest": digest})
        tokens = self._read(found)
        return tokens[0] if tokens else None  # an unreadable one is no token

    async def all(self) -> Sequence[AccessToken]:
        """Return every token, by name."""
        return self._read(await self._connection.read(query("tokens"), {}))

    async def revoke(self, name: str, change: Change) -> bool:
        """Revoke a token; return whether this call did it."""
        row: Row = {"name": name, **change_row(None, change)}
        row["before"] = to_json({"name": name, "revoked_at": None})
        row["after"] = to_json({"name": name, "revoked_at": to_iso(change.at)})
        answers = await self._connection.write([Statement("revoke_tokens", [row])])
        return bool(answers[0])

    def _read(self, found: Sequence[Row]) -> list[AccessToken]:
        return self._records.read("name", AccessToken.model_validate, [row["k"] for row in found])
