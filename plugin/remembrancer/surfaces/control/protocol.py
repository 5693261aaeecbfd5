"""The language of the control channel: JSON-RPC 2.0, one frame a line.

The table of methods is the whole of what can be asked: each names its parameters, the call, and the form of its answer.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable  # noqa: TC003 (a dataclass's own annotations)
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from remembrancer.engine.maintenance.retention import PruneResult
from remembrancer.errors import GraphUnavailable
from remembrancer.model.audit import AuditEntry
from remembrancer.model.cancellation import Cancellation
from remembrancer.model.event import EventPage
from remembrancer.model.execution import Execution
from remembrancer.model.json_bounds import read_json
from remembrancer.model.request import ScheduleRequest  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.summary import ExecutionSummary
from remembrancer.model.task import ScheduledTask, ScheduleResult
from remembrancer.model.task_status import TaskStatus  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.token import AccessToken, NewToken
from remembrancer.operations.diagnostics.checks import CheckResult
from remembrancer.service.telemetry.status import ServiceStatus
from remembrancer.surfaces.control.api import LocalScheduler  # noqa: TC001 (a dataclass's own annotations)
from remembrancer.surfaces.jsonable import to_jsonable

MAX_FRAME: Final = 16 * 1024 * 1024
"""Bytes in one frame, its newline included; a longer one ends the connection."""

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
NO_METHOD: Final = -32601
INVALID_PARAMS: Final = -32602

Params = TypeVar("Params", bound="NoParams")
Answer = TypeVar("Answer")


class NoParams(BaseModel):
    """The parameters of a method, by name; nothing beside them is taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ScheduleTasksParams(NoParams):
    """What `schedule_tasks` takes."""

    requests: list[ScheduleRequest]


class CancelParams(NoParams):
    """What `cancel` takes."""

    task_id: str
    reason: str | None = None


class DeferParams(NoParams):
    """What `defer_task` takes."""

    task_id: str
    until: str
    reason: str
    thought_id: str | None = None


class FolderParams(NoParams):
    """What `snapshot` takes."""

    folder: str


class TaskParams(NoParams):
    """What `run_now` and `get_task` take."""

    task_id: str


class FindParams(NoParams):
    """What `find_tasks` takes."""

    statuses: frozenset[TaskStatus] = frozenset()
    recurring: bool | None = None
    limit: int = Field(default=1000, ge=0)


class HistoryParams(NoParams):
    """What `history` takes."""

    task_id: str | None = None
    limit: int = 100


class PruneParams(NoParams):
    """What `retain` takes."""

    keep_days: float
    dry_run: bool = False


class EventsParams(NoParams):
    """What `read_events` takes."""

    after: str | None = None
    kinds: frozenset[str] = frozenset()
    task_id: str | None = None
    limit: int = 1000
    wait_seconds: float = 0.0


class LimitParams(NoParams):
    """What `running_executions` takes."""

    limit: int = Field(default=100, ge=1)


class AuditParams(NoParams):
    """What `changes` takes."""

    task_id: str | None = None
    since: str | None = None
    after: str | None = None
    limit: int = 1000


class CreateTokenParams(NoParams):
    """What `create_token` takes."""

    name: str
    scope: str


class TokenParams(NoParams):
    """What `revoke_token` takes."""

    name: str


class QueryParams(NoParams):
    """What `cypher` takes."""

    query: str
    parameters: dict[str, object] | None = None


class ServedMethod(Protocol):
    """A method as the server sees it."""

    @property
    def params(self) -> type[NoParams]:
        """What it takes."""
        ...

    async def serve(self, scheduler: LocalScheduler, raw: object) -> object:
        """Make the call that *raw* asks for."""


@dataclass(frozen=True, slots=True)
class Method(Generic[Params, Answer]):
    """One thing that can be asked for."""

    name: str
    params: type[Params]
    call: Callable[[LocalScheduler, Params], Awaitable[Answer]]
    answer: TypeAdapter[Answer]

    async def serve(self, scheduler: LocalScheduler, raw: object) -> object:
        """Check *raw* as parameters, make the call, return its answer as plain JSON values.

        Raises:
            pydantic.ValidationError: *raw* does not fit.
        """
        return to_jsonable(await self.call(scheduler, self.params.model_validate(raw)))


SCHEDULE: Final = Method(
    "schedule_tasks", ScheduleTasksParams, lambda s, p: s.schedule_tasks(p.requests), TypeAdapter(list[ScheduleResult])
)
CANCEL: Final = Method("cancel", CancelParams, lambda s, p: s.cancel(p.task_id, p.reason), TypeAdapter(Cancellation))
DEFER: Final = Method(
    "defer_task",
    DeferParams,
    lambda s, p: s.defer_task(p.task_id, p.until, p.reason, p.thought_id),
    TypeAdapter(ScheduleResult),
)
RUN_NOW: Final = Method("run_now", TaskParams, lambda s, p: s.run_now(p.task_id), TypeAdapter(Execution))
FIND: Final = Method(
    "find_tasks",
    FindParams,
    lambda s, p: s.find_tasks(statuses=p.statuses, recurring=p.recurring, limit=p.limit),
    TypeAdapter(list[ScheduledTask]),
)
GET: Final = Method("get_task", TaskParams, lambda s, p: s.get_task(p.task_id), TypeAdapter(ScheduledTask))
HISTORY: Final = Method(
    "history", HistoryParams, lambda s, p: s.history(p.task_id, p.limit), TypeAdapter(list[Execution])
)
SUMMARIES: Final = Method(
    "summaries", HistoryParams, lambda s, p: s.summaries(p.task_id, p.limit), TypeAdapter(list[ExecutionSummary])
)
RETAIN: Final = Method(
    "retain", PruneParams, lambda s, p: s.retain(p.keep_days, dry_run=p.dry_run), TypeAdapter(PruneResult)
)
CHANGES: Final = Method(
    "changes",
    AuditParams,
    lambda s, p: s.changes(p.task_id, since=p.since, after=p.after, limit=p.limit),
    TypeAdapter(list[AuditEntry]),
)
TIMELINE: Final = Method(
    "timeline",
    HistoryParams,
    lambda s, p: s.timeline(p.task_id or "", p.limit),
    TypeAdapter(list[Execution | AuditEntry]),
)
CYPHER: Final = Method(
    "cypher", QueryParams, lambda s, p: s.cypher(p.query, p.parameters), TypeAdapter(list[dict[str, object]])
)
READ_EVENTS: Final = Method(
    "read_events",
    EventsParams,
    lambda s, p: s.read_events(p.after, kinds=p.kinds, task_id=p.task_id, limit=p.limit, wait_seconds=p.wait_seconds),
    TypeAdapter(EventPage),
)
RUNNING: Final = Method(
    "running_executions", LimitParams, lambda s, p: s.running_executions(p.limit), TypeAdapter(list[Execution])
)
CREATE_TOKEN: Final = Method(
    "create_token", CreateTokenParams, lambda s, p: s.create_token(p.name, p.scope), TypeAdapter(NewToken)
)
REVOKE_TOKEN: Final = Method("revoke_token", TokenParams, lambda s, p: s.revoke_token(p.name), TypeAdapter(bool))
LIST_TOKENS: Final = Method("list_tokens", NoParams, lambda s, _: s.list_tokens(), TypeAdapter(list[AccessToken]))


async def _status(scheduler: LocalScheduler, _: NoParams) -> ServiceStatus:
    return scheduler.get_status()


SNAPSHOT: Final = Method("snapshot", FolderParams, lambda s, p: s.snapshot(p.folder), TypeAdapter(None))
EXAMINE: Final = Method("examine", NoParams, lambda s, _: s.examine(), TypeAdapter(list[CheckResult]))
STATUS: Final = Method("get_status", NoParams, _status, TypeAdapter(ServiceStatus))

METHODS: Final[dict[str, ServedMethod]] = {
    method.name: method
    for method in (
        *(SCHEDULE, CANCEL, DEFER, RUN_NOW, FIND, GET, HISTORY, SUMMARIES, RETAIN, CYPHER, STATUS),
        *(CREATE_TOKEN, LIST_TOKENS, REVOKE_TOKEN, READ_EVENTS, RUNNING, CHANGES, TIMELINE, EXAMINE),
        SNAPSHOT,
    )
}


def to_frame(message: dict[str, object]) -> bytes:
    """Return *message* as one line. Raises GraphUnavailable: it is longer than a frame may be."""
    frame = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode() + b"\n"
    if len(frame) > MAX_FRAME:
        raise GraphUnavailable(
            f"The message has {len(frame):,} bytes, the channel takes {MAX_FRAME:,}. Ask for less (LIMIT)."
        )
    return frame


def from_frame(frame: bytes) -> dict[str, object]:
    """Return the message in *frame*; raises ValueError for anything but a JSON object."""
    message = read_json(frame)
    if not isinstance(message, dict):
        raise ValueError("a frame is a JSON object")  # noqa: TRY004 (json raises ValueError as well: one error for a bad frame)
    return cast("dict[str, object]", message)
