"""The control channel of a running scheduler: other processes of the same user ask it, over loopback."""

from __future__ import annotations

import asyncio
import hmac
import logging
from typing import TYPE_CHECKING, Final, cast

from pydantic import ValidationError

from remembrancer.engine.authorship import AUTHOR, Author
from remembrancer.errors import RemembrancerError
from remembrancer.model.names import unknown
from remembrancer.surfaces import wire
from remembrancer.surfaces.beacon import Place
from remembrancer.surfaces.failures import to_failure
from remembrancer.surfaces.misfits import misfit_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.surfaces.scheduler import LocalScheduler

_LOG: Final = logging.getLogger("remembrancer")


class ControlServer:
    """Serves *scheduler* on a loopback port to whoever knows *token*.

    Frames of one connection are answered in their order; connections are served side by side.

    Args:
        scheduler: What answers.
        token: The secret that the first frame of a connection must carry.
        port: A loopback port; 0 takes a free one.
        folder: Of the graph that is served: who asks about another one, such as a copy of it, is not let in.
    """

    def __init__(self, scheduler: LocalScheduler, token: str, *, port: int = 0, folder: Place | None = None) -> None:
        self._scheduler = scheduler
        self._token = token.encode()
        self._folder = folder
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._accept, _HOST, self._port, limit=wire.MAX_FRAME)
        self._port = self._server.sockets[0].getsockname()[1]
        return self._port

    async def stop(self) -> None:
        """Take no more connections and end those that are open."""
        if self._server is None:
            return
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._converse(reader, writer), name="remembrancer control connection")
        self._connections.add(connection)
        connection.add_done_callback(self._ended)

    def _ended(self, connection: asyncio.Task[None]) -> None:
        self._connections.discard(connection)
        if not connection.cancelled() and (error := connection.exception()):
            _LOG.error("A question over the control channel was not answered: %r", error, exc_info=error)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await self._admit(reader, writer):
                while frame := await reader.readline():
                    writer.write(await self._answer(frame))
                    await writer.drain()
        except (ConnectionError, TimeoutError, ValueError):
            # The other side is gone, never spoke, or sent a frame too long to be one of ours: nobody to tell.
            return
        finally:
            writer.close()

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read the first frame; say whether it carries the token, in a time that tells nothing about it."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            frame = await reader.readline()
        match _read(frame):
            case {"method": "authenticate", "params": {"token": str(token)} as params, "id": int(number)}:
                said = cast("Mapping[str, object]", params)
                admitted = hmac.compare_digest(token.encode(), self._token) and self._serves(said.get("folder"))
                AUTHOR.set(_author(said))
            case _:
                admitted, number = False, 0
        failure = _failure(wire.NOT_ADMITTED, "the token, or the folder, is not this scheduler's")
        writer.write(wire.to_frame({"id": number, "result": True} if admitted else {"id": number, "error": failure}))
        await writer.drain()
        return admitted

    def _serves(self, folder: object) -> bool:
        """Whether *folder*, as the other side says, is the one that is served."""
        if self._folder is None:
            return True
        try:
            return self._folder.is_same(Place.model_validate(folder))
        except ValidationError:
            return False

    async def _answer(self, frame: bytes) -> bytes:
        message = _read(frame)
        if message is None:
            return wire.to_frame({"id": None, "error": _failure(wire.PARSE_ERROR, "a frame is one JSON object")})
        number = message.get("id")
        try:
            return wire.to_frame({"id": number, **await self._serve(message)})
        except RemembrancerError as error:
            return wire.to_frame({"id": number, "error": to_failure(error)})

    async def _serve(self, message: dict[str, object]) -> dict[str, object]:
        name = message.get("method")
        if not isinstance(name, str):
            return {"error": _failure(wire.INVALID_REQUEST, "method is missing")}
        if odd := [member for member in message if member not in _MEMBERS]:
            return {"error": _failure(wire.INVALID_REQUEST, f"{odd[0]}: {unknown(odd[0], _MEMBERS)}")}
        method = wire.METHODS.get(name)
        if method is None:
            return {"error": _failure(wire.NO_METHOD, f"there is no method {name!r}")}
        try:
            return {"result": await method.serve(self._scheduler, message.get("params", {}))}
        except ValidationError as refusal:
            return {"error": _failure(wire.INVALID_PARAMS, misfit_words(refusal, method.params))}


def _read(frame: bytes) -> dict[str, object] | None:
    try:
        return wire.from_frame(frame)
    except ValueError:
        return None


def _author(said: Mapping[str, object]) -> Author | None:
    """Return who asks, as the other side says: who has the token is this user, and may be taken at their word."""
    match said:
        case {"surface": str(surface), "actor": str(actor)}:
            return Author(surface[:_LONGEST_NAME], actor[:_LONGEST_NAME])
        case {"surface": str(surface)}:
            return Author(surface[:_LONGEST_NAME])
        case _:
            return None


def _failure(code: int, message: str) -> dict[str, object]:
    return {"code": code, "message": message}


_HOST: Final = "127.0.0.1"
_MEMBERS: Final = ("jsonrpc", "id", "method", "params")
_LONGEST_NAME: Final = 256
_PATIENCE_SECONDS: Final = 10
"""How long a connection may take to say who it is."""
