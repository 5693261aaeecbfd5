"""The server of the control channel: processes of the same user call the operations of a running scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from pydantic import ValidationError

from remembrancer.context import CURRENT_ACTOR, Actor
from remembrancer.errors import RemembrancerError
from remembrancer.model.json_bounds import BODY_DEPTH
from remembrancer.model.suggestions import unknown
from remembrancer.operations import catalog
from remembrancer.surfaces.control import protocol
from remembrancer.surfaces.control.address import ControlSocket
from remembrancer.surfaces.control.answer_parts import to_frames
from remembrancer.surfaces.control.connection_file import FolderIdentity
from remembrancer.surfaces.control.errors import to_failure
from remembrancer.surfaces.control.listener import ControlListener
from remembrancer.surfaces.jsonable import to_jsonable
from remembrancer.surfaces.violations import to_invalid_input

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from remembrancer.service.service import SchedulerService
    from remembrancer.surfaces.server import Endpoint


class ControlServer:
    """Serves a scheduler to processes of the same user that prove to know *token*.

    Frames of one connection are answered in their order; connections are served side by side.

    Args:
        scheduler: The service whose operations are called.
        token: The secret that both sides of a connection must prove to know.
        port: A loopback port in place of a Unix socket, 0 for any; None where the system has Unix sockets.
        folder: The folder of the graph that is served; a client of another one, such as a copy of it, is refused.
    """

    name = "control"

    def __init__(
        self, scheduler: SchedulerService, token: str, *, port: int | None = None, folder: FolderIdentity | None = None
    ) -> None:
        self._scheduler = scheduler
        self._operations = {each.name: each for each in catalog.OPERATIONS}
        self._token = token.encode()
        self._folder = folder
        self._port = port
        self._socket: ControlSocket | None = None
        self._listener: ControlListener | None = None

    async def start(self) -> Endpoint:
        """Listen. Raises OSError: the port is taken."""
        folder = Path(self._folder.path) if self._folder else None
        self._socket = ControlSocket(folder, self._port)
        listening = self._socket.listening
        self._listener = ControlListener(listening, self._token, self._serves, self._converse, protocol.MAX_FRAME)
        return self._socket.endpoint(folder)

    async def stop(self) -> None:
        """Take no more connections and end those that are open."""
        if self._listener is not None:
            await self._listener.close()
            self._listener = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: Mapping[str, object]
    ) -> None:
        CURRENT_ACTOR.set(_author(said))
        try:
            while frame := await reader.readline():
                for part in await self._answer(frame):
                    writer.write(part)
                    await writer.drain()
        except (ConnectionError, TimeoutError, ValueError):
            # The client has gone, or sent a frame longer than a client sends.
            return

    def _serves(self, folder: object) -> bool:
        """Return whether *folder*, as the client says, is the one that is served."""
        if self._folder is None:
            return True
        try:
            return self._folder.is_same(FolderIdentity.model_validate(folder))
        except ValidationError:
            return False

    async def _answer(self, frame: bytes) -> Iterable[bytes]:
        message = _read(frame)
        if message is None:
            fault = _failure(protocol.PARSE_ERROR, _FRAME)
            return [protocol.to_frame({"id": None, "error": fault})]
        number = message.get("id")
        try:
            served = await self._serve(message)
        except RemembrancerError as error:
            served: dict[str, object] = {"error": to_failure(error)}
        return to_frames(number, served)

    async def _serve(self, message: dict[str, object]) -> dict[str, object]:
        if (fault := _fault_in(message)) is not None:
            return {"error": _failure(protocol.INVALID_REQUEST, fault)}
        name = cast("str", message["method"])
        operation = self._operations.get(name)
        if operation is None:
            return {"error": _failure(protocol.NO_METHOD, f"there is no method {name!r}")}
        given = message.get("params", {})
        if not isinstance(given, Mapping):
            return {"error": _failure(protocol.INVALID_PARAMS, "params is an object: parameters go by name")}
        try:
            result = await operation.answer(self._scheduler, cast("Mapping[str, object]", given))
        except ValidationError as refusal:
            refused = to_invalid_input(refusal.errors(include_url=False), operation.params)
            return {"error": to_failure(refused, protocol.INVALID_PARAMS)}
        return {"result": to_jsonable(result)}


def _read(frame: bytes) -> dict[str, object] | None:
    try:
        return protocol.from_frame(frame, is_finite=True)
    except ValueError:
        return None


def _fault_in(message: Mapping[str, object]) -> str | None:
    """Return the reason why *message* is no request; None if it is one."""
    if (version := message.get("jsonrpc", protocol.VERSION)) != protocol.VERSION:
        return f"jsonrpc is {version!r}; this channel speaks {protocol.VERSION!r}"
    if not isinstance(message.get("method"), str):
        return "method is missing"
    odd = next((member for member in message if member not in _MEMBERS), None)
    return None if odd is None else f"{odd}: {unknown(odd, _MEMBERS)}"


def _author(said: Mapping[str, object]) -> Actor | None:
    """Return the actor that the client names: it has the token, so it is this user."""
    match said:
        case {"surface": str(surface), "actor": str(actor)}:
            return Actor(surface[:_LONGEST_NAME], actor[:_LONGEST_NAME])
        case {"surface": str(surface)}:
            return Actor(surface[:_LONGEST_NAME])
        case _:
            return None


def _failure(code: int, message: str) -> dict[str, object]:
    return {"code": code, "message": message}


_FRAME: Final = f"a frame is one JSON object, at most {BODY_DEPTH} levels deep, with neither NaN nor Infinity"
_MEMBERS: Final = ("jsonrpc", "id", "method", "params")
_LONGEST_NAME: Final = 256
