"""Errors of the driver and of the server: their translation, and which of them are retryable."""

from __future__ import annotations

import asyncio
import random
import re
import ssl
from functools import cache
from typing import TYPE_CHECKING, Final

from neo4j.exceptions import (
    AuthError,
    ConnectionAcquisitionTimeoutError,
    ConstraintError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
)

from remembrancer.errors import (
    DiskFull,
    ForeignConstraint,
    GraphAccessDenied,
    GraphBusy,
    GraphNotFound,
    GraphUnavailable,
    GraphUnreachable,
    InvalidInput,
    QueryFailed,
    RemembrancerError,
)
from remembrancer.stores.commits.statement import UniqueKeyTaken
from remembrancer.stores.cypher.tokens import EXAMPLE, READS_ONLY
from remembrancer.stores.disk_full import is_disk_full
from remembrancer_schema.catalog import migrations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from remembrancer.model.query_limits import QueryLimits
    from remembrancer.stores.neo4j.address import Address

FAULTS: Final = (DriverError, Neo4jError)
UNUSABLE: Final = (ValueError, TypeError, OverflowError)
"""The errors of the driver for a query or a parameter that it cannot send."""
_QUERY_FAULTS: Final = ("Neo.ClientError.Statement.", "Neo.ClientError.Procedure.")
_USERS_FAULTS: Final = (
    *("Neo.ClientError.General.", "Neo.ClientError.Request.", "Neo.DatabaseError.Statement."),
    *("Neo.TransientError.General.StackOverFlowError", "Neo.ClientError.Transaction.TransactionMemoryLimit"),
)
"""The codes that are the fault of a user's query as well: it asks for something impossible, or for too much."""
_STOPPED: Final = tuple(
    f"Neo.ClientError.Transaction.{title}"
    for title in ("Terminated", "LockClientStopped", "TransactionTimedOut", "TransactionTimedOutClientConfiguration")
)
"""The codes with which a server ends transactions: when it stops, or when the client was too slow."""
_TIMED_OUT: Final = tuple(each for each in _STOPPED if "TimedOut" in each)
_GONE: Final = "Neo.ClientError.Statement.EntityNotFound"
"""A node that the query had found was deleted before it was locked; another try does not find it."""
_LOCKED_OUT: Final = "Neo.ClientError.Security.AuthenticationRateLimit"
_CLASH: Final = re.compile(r"label `(?P<label>[^`]+)` and propert(?:y|ies) (?P<properties>.+)", re.DOTALL)
_PROPERTY: Final = re.compile(r"`([^`]+)` = ")
_OUR_KEY: Final = re.compile(r"FOR \(n:(\w+)\) REQUIRE n\.(\w+) IS UNIQUE")
_TLS: Final = frozenset({"BoltSecurityError"})
"""The error of the driver if TLS fails; only its name is public."""
_RENAME: Final = (
    "It has a name that remembrancer needs: drop it, or create it again under another name, and start again."
)
_SCHEMA_CONFLICTS: Final = {
    "IndexAlreadyExists": "A constraint belongs there, which brings an index: drop that one, and start again.",
    "ConstraintAlreadyExists": "A constraint of remembrancer belongs there: drop that one, and start again.",
    "IndexWithNameAlreadyExists": _RENAME,
    "ConstraintWithNameAlreadyExists": _RENAME,
    "ConstraintCreationFailed": "Existing nodes violate it: change or delete them, and start again.",
}
_SHORTEST_SECONDS: Final = 0.005
_LONGEST_SECONDS: Final = 0.040
_QUICK_TRIES: Final = 6
_SLOWEST: Final = 16


class Unanswered(ServiceUnavailable):
    """The deadline of a call has passed; its connection was given up."""


class LocksHeld(DriverError):
    """A statement has waited for the locks of others as long as it may; its transaction was given up."""


class RetryBudget:
    """A bounded time for retries, with short random pauses that grow.

    There is always a second try, however long the first one took: it may have met a dead connection.

    Args:
        seconds: The time for retries.
    """

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + seconds
        self._tries = 0

    async def wait(self) -> bool:
        """Wait for the next try; return False if the time is used up."""
        self._tries += 1
        factor = min(2 ** max(0, self._tries - _QUICK_TRIES), _SLOWEST)
        seconds = random.uniform(_SHORTEST_SECONDS, _LONGEST_SECONDS) * factor  # noqa: S311 (no secret)
        if self._tries > 1 and self._loop.time() + seconds > self._end:
            return False
        await asyncio.sleep(seconds)
        return True


def is_retryable(error: DriverError | Neo4jError) -> bool:
    """Return True if another try may succeed: after a deadlock, a node deleted in between, a lost connection."""
    if isinstance(error, Neo4jError):
        return error.is_retryable() or error.code in {*_STOPPED, _GONE}
    return isinstance(error, ServiceUnavailable | SessionExpired)


def is_declared(error: DriverError | Neo4jError) -> bool:
    """Return True if another replica has declared the same constraint or index in between: it exists."""
    return isinstance(error, Neo4jError) and error.code == "Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists"


def translate_lasting_error(address: Address, error: Exception) -> GraphUnavailable:
    """Return the error for a user's query that took too long."""
    return GraphUnavailable(
        f"The graph {address} gave {error}, and the query was given up. Ask for less at a time, or run it beside the "
        "scheduler, with a driver of your own."
    )


def translate_read_error(address: Address, error: Exception) -> GraphUnavailable:
    """Return the error for a query of the catalogue; no caller has written it, so none is asked to change it."""
    code = (error.code or "") if isinstance(error, Neo4jError) else ""
    if not isinstance(error, FAULTS) or code.startswith(_QUERY_FAULTS):
        return QueryFailed(
            f"A query of the scheduler failed on {address} ({error}). Another program may have changed its "
            "records: `remembrancer check` names them."
        )
    return _translate(address, error) or GraphUnavailable(f"The graph did not answer: {error}")


def translate_write_error(address: Address, error: DriverError | Neo4jError) -> Exception:
    """Return the error for a write that was refused; nothing of it was written."""
    if isinstance(error, ConstraintError):
        return _clash(error)
    if isinstance(error, LocksHeld):
        return GraphBusy(
            f"Another write on {address} holds the locks that this one needs, and did not let go ({error}): nothing "
            "of it was kept. Try again; if it stays so, `SHOW TRANSACTIONS` on the server names who holds them."
        )
    return _translate(address, error) or GraphUnavailable(
        f"The graph refused the write, and nothing of it was kept: {error}"
    )


@cache
def our_keys() -> frozenset[tuple[str, str]]:
    """Return the label and property of each unique key that the schema declares."""
    texts = (text for step in migrations("neo4j") for text in step.statements)
    return frozenset((found[1], found[2]) for text in texts if (found := _OUR_KEY.search(text)))


def translate_query_error(address: Address, text: str, error: Exception, limits: QueryLimits) -> RemembrancerError:
    """Return the error for a user's query."""
    if isinstance(error, Unanswered):
        return translate_lasting_error(address, error)
    code = (error.code or "") if isinstance(error, Neo4jError) else ""
    if code in _TIMED_OUT:
        return limits.too_long(text)
    if allowed := _allowed(error, code):
        return InvalidInput("query", text, allowed, EXAMPLE)
    return translate_read_error(address, error)


def _allowed(error: Exception, code: str) -> str | None:
    """Return what would be accepted in place of a user's query; None where it is not the query that is at fault."""
    fault = str(error)[:500]
    if not isinstance(error, FAULTS):
        return f"Cypher with parameters that it can take; the driver says: {fault}"
    if code == "Neo.ClientError.Statement.AccessMode":
        return READS_ONLY
    if code.startswith("Neo.TransientError.General.") and "Memory" in code:
        return f"a query that holds less in memory at a time; the server says: {fault}"
    if code.startswith((*_USERS_FAULTS, *_QUERY_FAULTS)):
        return f"Cypher that the engine can answer; it says: {fault}"
    return None


def _clash(error: ConstraintError) -> Exception:
    """Return UniqueKeyTaken for a unique key of the schema, ForeignConstraint for a constraint of others."""
    message = error.message or str(error)
    found = _CLASH.search(message)
    label = found["label"] if found else ""
    properties = _PROPERTY.findall(found["properties"]) if found else []
    if len(properties) == 1 and (label, properties[0]) in our_keys():
        return UniqueKeyTaken(message, properties[0])
    named = f"on {', '.join(properties)} of {label}" if found else "in this database"
    return ForeignConstraint(
        f"A constraint {named}, which is not ours, is against this write, and nothing of it was kept: {message}. "
        "Drop the constraint (SHOW CONSTRAINTS lists it), or choose another value."
    )


def _translate(address: Address, error: DriverError | Neo4jError) -> GraphUnavailable | None:
    """Return the error for a graph that cannot be used; None if it is not the reason."""
    if isinstance(error, Neo4jError):
        return _translate_refusal(address, error)
    if _is_of_tls(error):
        return GraphUnavailable(
            f"No encrypted connection to {address} comes about. +s in the URI asks for a certificate that this machine "
            f"trusts, +ssc for any; a server without TLS is reached by bolt:// or neo4j://. ({error})"
        )
    if isinstance(error, ConnectionAcquisitionTimeoutError):
        return GraphBusy(
            f"All connections to {address} for queries are in use, and none became free ({error}). "
            "Send fewer at a time, or try again."
        )
    if isinstance(error, ServiceUnavailable | SessionExpired):
        return GraphUnreachable(
            f"The graph's server {address} does not answer. Is it running, is this its Bolt address, and does it "
            f"speak TLS if the URI says so? ({error})"
        )
    return GraphUnavailable(f"The driver cannot do it on {address}: {type(error).__name__}: {error}")


def _translate_refusal(address: Address, error: Neo4jError) -> GraphUnavailable | None:
    """Return the error for a refusal of the server; None for other reasons."""
    code, title = error.code or "", (error.code or "").rpartition(".")[2]
    if isinstance(error, AuthError) or ".Security." in code:
        return GraphAccessDenied(_forbidden(address, error))
    if code == "Neo.ClientError.Database.DatabaseNotFound":
        return GraphNotFound(
            f"The server {address} has no such database. Name one that is there, as in "
            f"{address.uri.partition('?')[0]}/neo4j, or none for the server's own default."
        )
    if ".Schema." in code and title in _SCHEMA_CONFLICTS:
        message = (error.message or "").strip()
        return GraphUnavailable(f"The schema cannot be made on {address}: {message} {_SCHEMA_CONFLICTS[title]}")
    if is_disk_full(str(error)):
        return DiskFull(f"The server's disk is full: nothing of this write was kept. ({error})")
    return None


def _forbidden(address: Address, error: Neo4jError) -> str:
    """Return the message for a user that may not log in, or may not do this."""
    if error.code == _LOCKED_OUT:
        return (
            f"The server {address} has locked out the user {address.user!r} for a few seconds, after wrong passwords: "
            "something still uses an old one. Give it the right one, and try again."
        )
    if not isinstance(error, AuthError):
        return f"The user {address.user!r} may not do this on {address}: {error.message}"
    who = f"the user {address.user!r} with this password" if address.user else "anybody without a user and password"
    return (
        f"The server {address} does not let in {who}. Give both in REMEMBRANCER_NEO4J_USER and "
        "REMEMBRANCER_NEO4J_PASSWORD (or name a file that holds it in REMEMBRANCER_NEO4J_PASSWORD_FILE)."
    )


def _is_of_tls(error: DriverError) -> bool:
    return any(isinstance(each, ssl.SSLError) or type(each).__name__ in _TLS for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
