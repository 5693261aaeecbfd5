"""The handshake of the control channel: both sides prove that they know the secret, and neither says it.

The server proves first. Until then the client has sent nothing but a random number, so a stranger who listens in the
server's place learns nothing, and is not believed. One JSON object a line, each line bounded.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

LONGEST_LINE: Final = 4096
"""Bytes of one line before admission; more of an unknown peer is not kept."""
NOT_ADMITTED: Final = -32001
"""The JSON-RPC error code of a peer that is not let in."""
_NONCE_BYTES: Final = 32
_REFUSED: Final = {
    "jsonrpc": "2.0",
    "id": None,
    "error": {"code": NOT_ADMITTED, "message": "the proof, or the folder, is not this scheduler's"},
}


class Impostor(OSError):
    """The server does not know the secret."""


async def admit(peer: socket.socket, secret: bytes, serves: Callable[[object], bool]) -> Mapping[str, object] | None:
    """Prove the server's side, then check the client's; return what the client says of itself, None if refused.

    Args:
        peer: A connection, non-blocking.
        secret: What both sides know.
        serves: Whether the folder that the client names is the one that is served.
    """
    hello = await _read(peer)
    given, mine = hello.get("nonce"), _nonce()
    if isinstance(given, str) and len(given) == len(mine):
        await _send(peer, {"nonce": mine, "proof": _proof(secret, "server", given, mine)})
        said = await _read(peer)
        if _is_proof(said.get("proof"), _proof(secret, "client", given, mine)) and serves(said.get("folder")):
            await _send(peer, {"admitted": True})
            return said
    await _send(peer, _REFUSED)
    return None


async def enter(peer: socket.socket, secret: bytes, said: Mapping[str, object]) -> bool:
    """Check the server's proof, then give the client's, and what it says of itself; return whether it is admitted.

    Raises Impostor, or another OSError: the connection ended.
    """
    mine = _nonce()
    await _send(peer, {"nonce": mine})
    answer = await _read(peer)
    given = str(answer.get("nonce"))
    if not _is_proof(answer.get("proof"), _proof(secret, "server", mine, given)):
        raise Impostor("it does not know the secret")
    await _send(peer, {**said, "proof": _proof(secret, "client", mine, given)})
    return (await _read(peer)).get("admitted") is True


def _nonce() -> str:
    return secrets.token_hex(_NONCE_BYTES)


def _proof(secret: bytes, side: str, client_nonce: str, server_nonce: str) -> str:
    text = json.dumps(["remembrancer control", side, client_nonce, server_nonce])
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def _is_proof(given: object, right: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())


async def _send(peer: socket.socket, message: Mapping[str, object]) -> None:
    await asyncio.get_running_loop().sock_sendall(peer, json.dumps(message, separators=(",", ":")).encode() + b"\n")


async def _read(peer: socket.socket) -> dict[str, object]:
    """Return the next message; an empty one for what is none. Raises ConnectionError: it ended, or is too long."""
    line = bytearray()
    while not line.endswith(b"\n"):
        if len(line) >= LONGEST_LINE:
            raise ConnectionAbortedError("the line is too long")
        if not (part := await asyncio.get_running_loop().sock_recv(peer, LONGEST_LINE - len(line))):
            raise ConnectionResetError("the connection ended before admission")
        line += part
    try:
        message: object = json.loads(line)  # two lines at once are no JSON
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", message) if isinstance(message, dict) else {}
