"""What the driver's errors mean, in our words; and which of them are worth another try."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final

from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConstraintError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
)

from remembrancer.errors import (
    GraphForbidden,
    GraphFull,
    GraphMissing,
    GraphUnavailable,
    GraphUnreachable,
    InvalidInput,
    RemembrancerError,
)
from remembrancer.stores.session import UniqueKeyTaken

if TYPE_CHECKING:
    from remembrancer.stores.address import Address

FAULTS: Final = (DriverError, Neo4jError)
UNUSABLE: Final = (ValueError, TypeError, OverflowError)
"""What the driver raises for a query or a parameter that it cannot send."""
_EXAMPLE: Final = "MATCH (t:scheduled_task) RETURN t.name, t.status"
_QUERY_FAULTS: Final = ("Neo.ClientError.Statement.", "Neo.ClientError.Procedure.")
_STOPPED: Final = ("Neo.ClientError.Transaction.Terminated", "Neo.ClientError.Transaction.LockClientStopped")
"""A server that stops ends its transactions so; the driver takes it for the client's own wish."""
_GONE: Final = "Neo.ClientError.Statement.EntityNotFound"
"""What this had found was deleted by somebody else before it was locked: looked for again, it is not there."""
_SHORTEST_SECONDS: Final = 0.005
_LONGEST_SECONDS: Final = 0.040
_QUICK_TRIES: Final = 6
_SLOWEST: Final = 16


class Patience:
    """A bounded time of trying again, in short steps of uneven length that grow when they do not help.

    Args:
        seconds: How long to go on.
    """

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + seconds
        self._tries = 0

    async def wait(self) -> bool:
        """Wait for the next try; False if there is none."""
        self._tries += 1
        stretch = min(2 ** max(0, self._tries - _QUICK_TRIES), _SLOWEST)
        seconds = random.uniform(_SHORTEST_SECONDS, _LONGEST_SECONDS) * stretch  # noqa: S311 (no secret)
        if self._loop.time() + seconds > self._end:
            return False
        await asyncio.sleep(seconds)
        return True


def may_pass(error: DriverError | Neo4jError) -> bool:
    """Whether the same may succeed a moment later: a deadlock, a node deleted under it, a connection lost."""
    if isinstance(error, Neo4jError):
        return error.is_retryable() or error.code in {*_STOPPED, _GONE}
    return isinstance(error, ServiceUnavailable | SessionExpired)


def is_declared(error: DriverError | Neo4jError) -> bool:
    """Whether another replica has declared the same constraint or index at this very moment: it is there."""
    return isinstance(error, Neo4jError) and error.code == "Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists"


def reading_meaning(address: Address, text: str, error: Exception) -> RemembrancerError:
    """Say whether the query, its parameters or the graph are at fault."""
    if not isinstance(error, FAULTS):
        return InvalidInput(
            "query", text, f"Cypher with parameters that it can take; the driver says: {error}", _EXAMPLE
        )
    code, fault = (error.code or "", error.message or "") if isinstance(error, Neo4jError) else ("", "")
    if code == "Neo.ClientError.Statement.AccessMode":
        return InvalidInput("query", text, "a query that only reads (MATCH … RETURN …)", _EXAMPLE)
    if code.startswith(_QUERY_FAULTS):
        return InvalidInput("query", text, f"Cypher that the engine reads; it says: {fault[:500]}", _EXAMPLE)
    return _meaning(address, error) or GraphUnavailable(f"The graph did not answer: {error}")


def writing_meaning(address: Address, error: DriverError | Neo4jError) -> Exception:
    """Say why a write was refused; nothing of it was kept."""
    if isinstance(error, ConstraintError):
        return UniqueKeyTaken(str(error))
    return _meaning(address, error) or GraphUnavailable(
        f"The graph refused the write, and nothing of it was kept: {error}"
    )


def _meaning(address: Address, error: DriverError | Neo4jError) -> GraphUnavailable | None:
    """Say what stands between us and the graph."""
    if isinstance(error, AuthError):
        who = f"the user {address.user!r} with this password" if address.user else "anybody without a user and password"
        return GraphForbidden(
            f"The server {address} does not let in {who}. Give both in REMEMBRANCER_NEO4J_USER and "
            "REMEMBRANCER_NEO4J_PASSWORD (or name a file that holds it in REMEMBRANCER_NEO4J_PASSWORD_FILE)."
        )
    if isinstance(error, ClientError):
        if error.code == "Neo.ClientError.Database.DatabaseNotFound":
            return GraphMissing(
                f"The server {address} has no such database. Name one that is there, as in "
                f"{address.uri}/neo4j, or none for the server's own default."
            )
        if (error.code or "").startswith("Neo.ClientError.Security."):
            return GraphForbidden(f"The user {address.user!r} may not do this on {address}: {error.message}")
    if "No space left" in str(error):
        return GraphFull(f"The server's disk is full: nothing of this write was kept. ({error})")
    if isinstance(error, DriverError):
        return GraphUnreachable(
            f"The graph's server {address} does not answer. Is it running, is this its Bolt address, and does it "
            f"speak TLS if the URI says so? ({error})"
        )
    return None
