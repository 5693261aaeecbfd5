"""Network settings of the API: its address, and the protection of the tokens that clients send."""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOPBACK: Final = "127.0.0.1"
_ADDRESSES: Final = "an address of this machine, or localhost"
_PROTECTED: Final = (
    "127.0.0.1 or ::1, unless tokens are protected on their way: by --tls-cert and --tls-key, or by a proxy that ends "
    "TLS, whose address --proxy names"
)
_EXAMPLE: Final = "--host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem"

_NAME: Final = re.compile(r"(?=.*[A-Za-z])(?:(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\.)*(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
"""Of labels; one of digits and dots alone is a broken address."""
_LONGEST_NAME: Final = 253

_SHORTEST_PREFIX: Final = 8
"""A wider network is no list of proxies."""
_MAPPED: Final = ipaddress.ip_network("::ffff:0:0/96")
"""IPv4 addresses written as IPv6."""

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Network:
    """The address of the API."""

    host: str = LOOPBACK
    certificate: str | None = None
    """A file with the TLS certificate and its chain; None: without TLS."""
    key: str | None = field(default=None, repr=False)
    proxies: tuple[str, ...] = ()
    """Addresses and networks of the proxies whose forwarded headers are believed."""
    root_path: str = ""
    """The path below which a proxy serves the API, and which it takes away."""
    allowed_hosts: tuple[str, ...] = ()
    """The names that clients may ask for the API under, beside localhost and the address that they reach."""

    def url(self, port: int) -> str:
        """Return the address of the API on this machine."""
        host = _on_this_machine(self.host)
        return f"{'https' if self.certificate else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def networks(self) -> list[IPNetwork]:
        """The networks of the proxies."""
        return [ipaddress.ip_network(each) for each in self.proxies]


def read_network(
    host: str = LOOPBACK,
    *,
    certificate: str | None = None,
    key: str | None = None,
    proxies: Sequence[str] = (),
    root_path: str = "",
    allowed_hosts: Sequence[str] = (),
) -> Network:
    """Check network settings. Raises InvalidInput: one is wrong, or tokens would travel in the open."""
    address = _read_host(host)
    _check_certificate(certificate, key)
    allowed = tuple(_read_proxy(each.strip()) for given in proxies for each in given.split(","))
    if root_path and not allowed:
        raise InvalidInput("--root-path", root_path, "a path only behind a --proxy", "--proxy 127.0.0.1 --root-path /x")
    if root_path and (not root_path.startswith("/") or root_path.endswith("/") or not root_path.isprintable()):
        raise InvalidInput("--root-path", root_path, "a path that begins with / and does not end with it", "/scheduler")
    if not ipaddress.ip_address(address).is_loopback and not certificate and not allowed:
        raise InvalidInput("--host", host, _PROTECTED, _EXAMPLE)
    return Network(address, certificate, key, allowed, root_path, tuple(map(_read_allowed, allowed_hosts)))


def _read_host(text: str) -> str:
    if text == "localhost":
        return LOOPBACK
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError as refused:
        raise InvalidInput("--host", text, _ADDRESSES, "0.0.0.0") from refused  # noqa: S104 (an example)


def _read_allowed(text: str) -> str:
    """Return a host as a Host header names it, without its port."""
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text.removesuffix(".")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError as refused:
        if len(host) <= _LONGEST_NAME and _NAME.fullmatch(host):
            return host.lower()
        allowed = "a host name or an address as clients ask for it, without scheme, port and path; no wildcard"
        raise InvalidInput("--allowed-host", text, allowed, "scheduler.example.org") from refused


def _check_certificate(certificate: str | None, key: str | None) -> None:
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        missing = "--tls-key" if key is None else "--tls-cert"
        raise InvalidInput(missing, None, "a file, as --tls-cert and --tls-key belong together", _EXAMPLE)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError) as refused:  # a passphrase is not asked for: nobody may be there to type it
        allowed = f"a certificate in PEM form, and --tls-key its key without a passphrase ({refused})"
        raise InvalidInput("--tls-cert", certificate, allowed, _EXAMPLE) from refused


def _read_proxy(text: str) -> str:
    allowed = "addresses or networks of proxies, with commas between them, and not everybody's"
    try:
        network = ipaddress.ip_network(text)
    except ValueError as refused:
        raise InvalidInput("--proxy", text, allowed, "10.0.0.5,10.1.0.0/16") from refused
    if network.prefixlen < _SHORTEST_PREFIX or network.overlaps(_MAPPED):
        raise InvalidInput("--proxy", text, allowed, "10.0.0.5,10.1.0.0/16")
    return text


def _on_this_machine(host: str) -> str:
    """Return an address that leads to *host* from this machine: one that stands for all of them leads nowhere."""
    if not ipaddress.ip_address(host).is_unspecified:
        return host
    return "::1" if ":" in host else LOOPBACK
