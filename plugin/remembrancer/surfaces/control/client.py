"""A scheduler in another process, asked over its control channel."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from remembrancer.context import CURRENT_ACTOR
from remembrancer.errors import GraphUnavailable
from remembrancer.model.constraints import read_context
from remembrancer.surfaces.control import protocol
from remembrancer.surfaces.control.address import is_trusted, unconnected
from remembrancer.surfaces.control.answer_parts import whole_answer
from remembrancer.surfaces.control.errors import from_failure
from remembrancer.surfaces.control.handshake import Impostor, enter
from remembrancer.surfaces.jsonable import to_jsonable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from remembrancer.engine.maintenance.retention import PruneResult
    from remembrancer.model.audit import AuditEntry
    from remembrancer.model.cancellation import Cancellation
    from remembrancer.model.event import EventPage
    from remembrancer.model.execution import Execution
    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.summary import ExecutionSummary
    from remembrancer.model.task import ScheduledTask, ScheduleResult
    from remembrancer.model.task_status import TaskStatus
    from remembrancer.model.token import AccessToken, NewToken
    from remembrancer.operations.diagnostics.checks import CheckResult
    from remembrancer.service.telemetry.status import ServiceStatus
    from remembrancer.surfaces.control.connection_file import ConnectionFile, FolderIdentity

_LOG: Final = logging.getLogger("remembrancer")


class RemoteScheduler:
    """The `Scheduler` that answers where a beacon points to; made by `connect`, let go by `close`.

    Answers are the same values as in the process itself, but for `cypher`: its moments are ISO-8601 text.
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

    async def schedule_tasks(self, requests: Sequence[ScheduleRequest]) -> list[ScheduleResult]:
        """Schedule all of *requests*, or none if one is refused."""
        for request in requests:
            read_context(request.context)  # before it is written down for the other process
        return await self._ask(protocol.SCHEDULE, protocol.ScheduleTasksParams(requests=list(requests)))

    async def cancel(self, task_id: str, reason: str | None = None) -> Cancellation:
        """End an open task; say whether this call ended it, and which executions were asked to stop."""
        return await self._ask(protocol.CANCEL, protocol.CancelParams(task_id=task_id, reason=reason))

    async def cancel_task(self, task_id: str, reason: str | None = None) -> bool:
        """End an open task; say whether this call ended it."""
        return (await self.cancel(task_id, reason)).ended

    async def defer_task(self, task_id: str, until: str, reason: str, thought_id: str | None = None) -> ScheduleResult:
        """Put the next run off to *until* (ISO-8601)."""
        asked = protocol.DeferParams(task_id=task_id, until=until, reason=reason, thought_id=thought_id)
        return await self._ask(protocol.DEFER, asked)

    async def run_now(self, task_id: str) -> Execution:
        """Start one execution outside the schedule; return it as started."""
        return await self._ask(protocol.RUN_NOW, protocol.TaskParams(task_id=task_id))

    async def find_tasks(
        self, *, statuses: Collection[TaskStatus] = (), recurring: bool | None = None, limit: int = 1000
    ) -> list[ScheduledTask]:
        """Return tasks, the next to run first."""
        asked = protocol.FindParams(statuses=frozenset(statuses), recurring=recurring, limit=limit)
        return await self._ask(protocol.FIND, asked)

    async def get_task(self, task_id: str) -> ScheduledTask:
        """Return one task with its deferral history. Raises TaskNotFound."""
        return await self._ask(protocol.GET, protocol.TaskParams(task_id=task_id))

    async def history(self, task_id: str | None = None, limit: int = 100) -> list[Execution]:
        """Return executions, newest first."""
        return await self._ask(protocol.HISTORY, protocol.HistoryParams(task_id=task_id, limit=limit))

    async def summaries(self, task_id: str | None = None, limit: int = 100) -> list[ExecutionSummary]:
        """Return what was rolled up, the latest day first."""
        return await self._ask(protocol.SUMMARIES, protocol.HistoryParams(task_id=task_id, limit=limit))

    async def retain(self, keep_days: float, *, dry_run: bool = False) -> PruneResult:
        """Roll up every execution that is over and began more than *keep_days* ago."""
        return await self._ask(protocol.RETAIN, protocol.PruneParams(keep_days=keep_days, dry_run=dry_run))

    async def read_events(
        self,
        after: str | None = None,
        *,
        kinds: Collection[str] = (),
        task_id: str | None = None,
        limit: int = 1000,
        wait_seconds: float = 0.0,
    ) -> EventPage:
        """Return events after a cursor, waiting for one up to 30 s; meanwhile nothing else is answered."""
        asked = protocol.EventsParams(
            after=after, kinds=frozenset(kinds), task_id=task_id, limit=limit, wait_seconds=wait_seconds
        )
        return await self._ask(protocol.READ_EVENTS, asked)

    async def running_executions(self, limit: int = 100) -> list[Execution]:
        """Return what is under way, with the progress that was reported."""
        return await self._ask(protocol.RUNNING, protocol.LimitParams(limit=limit))

    async def changes(
        self,
        task_id: str | None = None,
        *,
        since: str | None = None,
        after: str | None = None,
        limit: int = 1000,
    ) -> list[AuditEntry]:
        """Return what was done to tasks and by whom, oldest first."""
        return await self._ask(
            protocol.CHANGES, protocol.AuditParams(task_id=task_id, since=since, after=after, limit=limit)
        )

    async def timeline(self, task_id: str, limit: int = 100) -> list[Execution | AuditEntry]:
        """Return what became of a task and what was done to it, newest first."""
        return await self._ask(protocol.TIMELINE, protocol.HistoryParams(task_id=task_id, limit=limit))

    async def examine(self) -> list[CheckResult]:
        """Return what the ten checks say."""
        return await self._ask(protocol.EXAMINE, protocol.NoParams())

    async def snapshot(self, folder: str) -> None:
        """Have the graph's files copied, as they are at one moment, into the empty *folder*."""
        await self._ask(protocol.SNAPSHOT, protocol.FolderParams(folder=folder))

    async def create_token(self, name: str, scope: str) -> NewToken:
        """Make a token for the API; its text is seen this once."""
        return await self._ask(protocol.CREATE_TOKEN, protocol.CreateTokenParams(name=name, scope=scope))

    async def list_tokens(self) -> list[AccessToken]:
        """Return the tokens of the API, revoked ones too."""
        return await self._ask(protocol.LIST_TOKENS, protocol.NoParams())

    async def revoke_token(self, name: str) -> bool:
        """Let a token of the API open nothing any more; False if none of this name did."""
        return await self._ask(protocol.REVOKE_TOKEN, protocol.TokenParams(name=name))

    async def cypher(self, query: str, parameters: dict[str, object] | None = None) -> list[dict[str, object]]:
        """Answer a reading query."""
        return await self._ask(protocol.CYPHER, protocol.QueryParams(query=query, parameters=parameters))

    async def get_status(self) -> ServiceStatus:
        """Return how the scheduler is; a question to another process, so awaited."""
        return await self._ask(protocol.STATUS, protocol.NoParams())

    async def _ask(
        self, method: protocol.Method[protocol.Params, protocol.Answer], params: protocol.Params
    ) -> protocol.Answer:
        message = await self._exchange(method.name, to_jsonable(params))
        if "result" not in message:
            raise from_failure(message.get("error"))
        try:
            return method.answer.validate_python(message["result"])
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
    """Return a connection that lets *said* in; None where it is refused. Raises OSError: nothing of ours is there."""
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
    """Return who else may serve *folder*: its owner, where root asks about it."""
    return [Path(folder.path).stat().st_uid] if folder else []


def _author() -> dict[str, str]:
    """Return who asks, for the audit trail."""
    author = CURRENT_ACTOR.get()
    if author is None:
        return {}
    return {"surface": author.surface} | ({"actor": author.actor} if author.actor else {})


_PATIENCE_SECONDS: Final = 5
"""How long a scheduler may take to let us in, before its beacon is taken for stale."""
