"""Host names of a server; a name that a web page has bound to its address is refused."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

_HOST: Final = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[^:\[\]]+))(?::\d{1,5})?")


def host_of(header: str) -> str:
    """Return the host that a Host header names, in small letters and without a port; nothing where it names none."""
    found = _HOST.fullmatch(header.strip())
    return (found["six"] or found["name"]).lower().removesuffix(".") if found else ""


def is_known(host: str, others: Collection[str] = ()) -> bool:
    """Return True if *host* is this machine's own loopback, by name or address, or one of the *others*."""
    if host in others or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
