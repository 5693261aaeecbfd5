"""Names of graphs: a folder or a server's address, and the address without its secrets for messages."""

from __future__ import annotations

import re
from typing import Final

_ADDRESS: Final = re.compile(r"\s*(?:neo4j|bolt)(?:\+s|\+ssc)?:\S", re.IGNORECASE)


def is_address(graph: str) -> bool:
    """Return True for the address of a server, well-formed or not; False for a folder."""
    return "://" in graph or _ADDRESS.match(graph) is not None


def without_secrets(address: str) -> str:
    """Return *address* without its user and password, and without the values of its query.

    If the secret cannot be located, only the scheme is returned.
    """
    scheme, colon, rest = address.strip().partition(":")
    slashes = "//" if rest.startswith("//") else ""
    rest = rest.removeprefix("//")
    where, question_mark, query = rest.partition("?")
    where, hash_sign, _ = where.partition("#")
    if "@" in query or (hash_sign and "@" in rest):
        return f"{scheme}{colon}{slashes}…"
    host, query = _host(where.rpartition("@")[2]), "&".join(_masked(each) for each in query.split("&"))
    return f"{scheme}{colon}{slashes}{host}{question_mark}{query if question_mark else ''}{'#…' if hash_sign else ''}"


def _host(where: str) -> str:
    """Return host, port and database; an invalid port is omitted, since it may be a password."""
    host, colon, port = where.partition(":")
    if where.startswith("[") or not colon or port.partition("/")[0].isdigit():
        return where
    return f"{host}:…"


def _masked(part: str) -> str:
    """Return a part of a query with its name only."""
    name, equals, _ = part.partition("=")
    return f"{name}=…" if equals else "…"
