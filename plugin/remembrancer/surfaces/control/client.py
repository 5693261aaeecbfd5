"""The client of the control channel: a scheduler in another process."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from pydantic import ValidationError

from remembrancer.context import CURRENT_ACTOR
from remembrancer.errors import GraphUnavailable
from remembrancer.operations import catalog
from remembrancer.surfaces.control import protocol
from remembrancer.surfaces.control.address import is_trusted, unconnected
from remembrancer.surfaces.control.answer_parts import whole_answer
from remembrancer.surfaces.control.errors import from_failure
from remembrancer.surfaces.control.handshake import Impostor, enter
from remembrancer.surfaces.jsonable import to_jsonable
from remembrancer.surfaces.violations import to_invalid_input

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from remembrancer.operations.operation import AnyOperation, Operation, P, Params, R
    from remembrancer.surfaces.control.connection_file import ConnectionFile, FolderIdentity

_LOG: Final = logging.getLogger("remembrancer")


class RemoteScheduler:
    """The scheduler that a connection file points to; made by `connect`, ended by `close`.

    Every operation of the catalog is a method, with the arguments, the results and the errors of the service's own.
    Only the times in rows of `cypher` differ: they are ISO-8601 text.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, beacon: ConnectionFile, folder: FolderIdentity | None = None) -> RemoteScheduler | None:
        """Return the scheduler behind *beacon* that serves *folder*; None if none answers there: it is stale."""
        said = {**({"folder": to_jsonable(folder)} if folder else {}), **_author()}
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                way = await _admitted(beacon, folder, said)
        except Impostor as stranger:
            _LOG.warning("What listens at the address in serve.json is no scheduler of this graph: %s", stranger)
            return None
        except OSError:
            return None
        return cls(*way) if way else None

    async def close(self) -> None:
        """End the connection."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return

    def __getattr__(self, name: str) -> Callable[..., Coroutine[None, None, object]]:
        """Return the operation whose method has this name, to be called as the service's. Raises AttributeError."""
        operation = next((each for each in catalog.OPERATIONS if each.method_name == name), None)
        if operation is None:
            raise AttributeError(name=name, obj=self)

        async def call(*given: object, **named: object) -> object:
            try:
                params = operation.params.bind(*given, **named)
            except ValidationError as misfit:
                raise to_invalid_input(misfit.errors(include_url=False), operation.params) from None
            return await self._call(operation, params)

        return call

    async def call(self, operation: Operation[P, R], params: P) -> R:
        """Call an operation of the scheduler; the connection carries no other call meanwhile."""
        return cast("R", await self._call(operation, params))

    async def _call(self, operation: AnyOperation, params: Params) -> object:
        given = {name: cast("object", getattr(params, name)) for name in params.model_fields_set}
        message = await self._exchange(operation.name, to_jsonable(given))
        if "result" not in message:
            raise from_failure(message.get("error"))
        try:
            return operation.read_result(message["result"])
        except ValidationError as misfit:
            raise from_failure(None) from misfit

    async def _exchange(self, method: str, params: object) -> dict[str, object]:
        async with self._turn:
            self._number += 1
            self._writer.write(protocol.to_frame({"id": self._number, "method": method, "params": params}))
            try:
                await self._writer.drain()
                return await whole_answer(self._reader.readline)
            except asyncio.CancelledError:
                self._writer.close()  # or what is still to come would be taken for the answer to the next question
                raise
            except (OSError, ValueError) as end:
                raise GraphUnavailable("The running scheduler ended the connection; look at what it printed.") from end


async def _admitted(
    beacon: ConnectionFile, folder: FolderIdentity | None, said: dict[str, object]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """Return an authenticated connection; None if it is refused. Raises OSError: no scheduler listens there."""
    with ExitStack() as undo:
        around = unconnected(Path(folder.path) if folder else None, beacon.control_socket, beacon.control_port)
        with around as (peer, address):
            undo.callback(peer.close)
            await asyncio.get_running_loop().sock_connect(peer, address)
        if not is_trusted(peer, *_owners(folder)):
            raise Impostor("it is another user's")
        if not await enter(peer, beacon.token.encode(), said):
            return None
        way = await asyncio.open_connection(sock=peer, limit=protocol.MAX_FRAME)
        undo.pop_all()
    return way


def _owners(folder: FolderIdentity | None) -> list[int]:
    """Return the users beside this one that may serve *folder*: its owner, where root asks."""
    return [Path(folder.path).stat().st_uid] if folder else []


def _author() -> dict[str, str]:
    """Return the current actor, for the audit log."""
    author = CURRENT_ACTOR.get()
    if author is None:
        return {}
    return {"surface": author.surface} | ({"actor": author.actor} if author.actor else {})


_PATIENCE_SECONDS: Final = 5
"""Seconds that a scheduler may take to authenticate, before its connection file counts as stale."""
