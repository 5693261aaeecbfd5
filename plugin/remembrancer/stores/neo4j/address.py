"""The address of a graph on a server: URI, database and login; secrets are never shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from remembrancer.errors import InvalidInput
from remembrancer.model.graph_name import is_address, without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

SCHEMES: Final = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
_ALLOWED: Final = f"a URI that begins with {', '.join(SCHEMES[:-1])} or {SCHEMES[-1]}, and names a host"
_EXAMPLE: Final = "neo4j://graph.example:7687/neo4j"
_PASSWORDS: Final = ("REMEMBRANCER_NEO4J_PASSWORD", "NEO4J_PASSWORD")
_USERS: Final = ("REMEMBRANCER_NEO4J_USER", "NEO4J_USER", "NEO4J_USERNAME")
_FIRST_USER: Final = "neo4j"


__all__ = ["SCHEMES", "Address", "is_address", "read_address", "read_password", "without_secrets"]


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a graph, and its login."""

    uri: str = field(repr=False)
    """The URI for the driver, without user, password and database. Its query may hold a secret."""
    database: str | None = None
    """None for the server's own default."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: str | None = None
    """The file from which the password was read; it may hold another one later."""

    def __str__(self) -> str:
        """Return it as text, without secrets."""
        shown = without_secrets(self.uri)
        return shown if self.database is None else f"{shown} (database {self.database})"


def read_address(text: str, environment: Mapping[str, str]) -> Address:
    """Read a URI; user and password that it lacks are taken from *environment*.

    Raises:
        InvalidInput: It is no such URI, or the password's file cannot be read. The message holds no secret.
    """
    parts = _split(text)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise InvalidInput("db_path", without_secrets(text), _ALLOWED, _EXAMPLE)
    asked = parse_qs(parts.query, keep_blank_values=True)
    named = {unquote(parts.path).strip("/"), *asked.pop("database", [])} - {""}
    if len(named) > 1 or "system" in named:
        raise InvalidInput("db_path", without_secrets(text), "one database, which is not `system`", _EXAMPLE)
    if asked and parts.scheme.startswith("bolt"):
        raise InvalidInput("db_path", without_secrets(text), "only `database` after the ?", _EXAMPLE)
    if any(len(values) > 1 or not values[0] for values in asked.values()):
        allowed = "names with one value each after the ?, as in ?policy=near"
        raise InvalidInput("db_path", without_secrets(text), allowed, _EXAMPLE)
    file = None if parts.password is not None else _password_file(environment)
    password = unquote(parts.password) if parts.password is not None else _password(environment, file)
    user = unquote(parts.username) if parts.username else _first(environment, _USERS)
    return Address(
        uri=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{'?' if asked else ''}{urlencode(asked, doseq=True)}",
        database=next(iter(named), None),
        user=user or (_FIRST_USER if password else None),
        password=password,
        password_file=file,
    )


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text.strip())
        _ = parts.port  # `urlsplit` checks it only on access
    except ValueError:
        # Its text may quote a part of the password: it is not chained.
        raise InvalidInput("db_path", without_secrets(text), _ALLOWED, _EXAMPLE) from None
    if "@" in parts.path:
        allowed = "a password whose / is written %2F, and whose @ is written %40"
        raise InvalidInput("db_path", without_secrets(text), allowed, _EXAMPLE)
    return parts


def read_password(path: str) -> str:
    """Return the password that a file holds. Raises InvalidInput."""
    try:
        return Path(path).expanduser().read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as refused:
        allowed = f"a file that can be read ({type(refused).__name__})"
        raise InvalidInput("REMEMBRANCER_NEO4J_PASSWORD_FILE", path, allowed, "/run/secrets/neo4j") from refused


def _password_file(environment: Mapping[str, str]) -> str | None:
    """Return the password file that the environment names; REMEMBRANCER_NEO4J_PASSWORD goes before it."""
    return None if environment.get(_PASSWORDS[0]) else environment.get("REMEMBRANCER_NEO4J_PASSWORD_FILE") or None


def _password(environment: Mapping[str, str], file: str | None) -> str | None:
    """Return the password that a file or the environment holds; the file goes first."""
    return read_password(file) if file else _first(environment, _PASSWORDS)


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := environment.get(name))), None)
