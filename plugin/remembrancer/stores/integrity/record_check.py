"""A walk over every record of a graph, as the scheduler reads them: in the order of keys, page by page."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, LiteralString, cast

from remembrancer.errors import RemembrancerError
from remembrancer.model.dead_letter import DeadLetter
from remembrancer.model.summary import ExecutionSummary
from remembrancer.model.task_status import OPEN_STATUSES
from remembrancer.model.token import AccessToken
from remembrancer.ports.graph_check import CheckStep
from remembrancer.ports.statistics import COUNTS, LIFETIME
from remembrancer.stores.commits.counters import texts_of
from remembrancer.stores.commits.events import from_batch
from remembrancer.stores.records.calendars import calendar_from
from remembrancer.stores.records.event_log import KEYS_OF_A_STREAM
from remembrancer.stores.records.lineages import state_from
from remembrancer.stores.records.templates import template_from
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.audit_rows import change_from
from remembrancer.stores.rows.readable_records import FAULTS
from remembrancer.stores.rows.wait_keys import due_key_of, wait_index_key
from remembrancer_schema.catalog import query
from remembrancer_schema.kinds import APART, KEYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row

PAGE: Final = 1000
TIMES: Final = (
    *(
        "created_at",
        "defer_until",
        "last_triggered_at",
        "paused_at",
        "paused_until",
        "nominal_at",
        "first_nominal_at",
        "last_nominal_at",
    ),
    *("triggered_at", "completed_at", "deferred_at", "original_time", "deferred_until", "at", "revoked_at"),
)
"""Properties that must hold a time."""
WALKED: Final = tuple(label for label in KEYS if label not in {"scheduler_replica", "remembrancer_graph"})
"""The labels of the records to read; an unreadable replica has no heartbeat, and is ignored."""


def _numbers(node: Row, names: Sequence[str]) -> None:
    for name in names:
        value: object = node.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError(f"{name} is {value!r}, and no number")


def _required(node: Row, kind: type, *names: str) -> None:
    for name in names:
        if not isinstance(node.get(name), kind):
            raise TypeError(f"{name} is {node.get(name)!r}, and no {kind.__name__}")


def _texts(node: Row, name: str) -> None:
    value: object = node.get(name)
    if value is not None and not (
        isinstance(value, list) and all(isinstance(each, str) for each in cast("list[object]", value))
    ):
        raise TypeError(f"{name} is {value!r}, and no list of texts")


def _times(node: Row) -> None:
    """Reject values that a model would convert to a time, but queries would not, such as a number."""
    for name in TIMES:
        if (value := node.get(name)) is not None and not isinstance(value, datetime):
            raise TypeError(f"{name} is {value!r}, and not a time")


def _lease(node: Row) -> None:
    _required(node, str, "lease_id", "replica_id")
    _required(node, int, "until_ms")
    _required(node, list, "execution_ids")
    _texts(node, "execution_ids")


def _counter(node: Row) -> None:
    _numbers(node, (*LIFETIME, "most_deferrals"))
    texts_of(node, "error")


def _hour(node: Row) -> None:
    _required(node, int, "hour_ms")
    _numbers(node, COUNTS)
    texts_of(node, "failure")
    texts_of(node, "deferral")


def _cron(node: Row) -> None:
    _numbers(node, ("open_tasks",))


def _stream(node: Row) -> None:
    _required(node, int, "stream", "oldest", "newest")


def _zone(node: Row) -> None:
    _required(node, str, "zone", "rules", "fingerprint")


def _limit(node: Row) -> None:
    _required(node, str, "limit_key")
    _numbers(node, ("slots",))
    _texts(node, "holders")


def _time(node: Row) -> None:
    _required(node, datetime, "at")


READERS: Final[Mapping[str, Callable[[Row], object]]] = {
    "time": _time,
    "thought": lambda node: _required(node, str, "thought_id"),
    "scheduled_task": node_rows.task_from,
    "task_execution": node_rows.execution_from,
    "task_deferral": node_rows.deferral_from,
    "task_change": change_from,
    "execution_summary": ExecutionSummary.model_validate,
    "execution_lease": _lease,
    "lifetime_statistics": _counter,
    "hourly_statistics": _hour,
    "cron_expression": _cron,
    "access_token": AccessToken.model_validate,
    "named_calendar": calendar_from,
    "task_template": template_from,
    "dead_letter": DeadLetter.model_validate,
    "concurrency_limit": _limit,
    "lineage": state_from,
    "event_stream": _stream,
    "event_batch": lambda node: list(from_batch(node)),
    "zone_rules": _zone,
}
"""The parser for each label; a record that it rejects is unreadable."""


def derived_of(node: Row) -> Row:
    """Return the derived properties of a task's node, computed from the others."""
    task = node_rows.task_from(node)
    cron = task.schedule_cron if task.status in OPEN_STATUSES else None
    return {
        "due_key": due_key_of(task),
        "wait_index_key": wait_index_key(task),
        "status_index_key": node_rows.status_index_key(task.status, task.task_type, task.task_id),
        "cron_index_key": None if cron is None else node_rows.cron_index_key(cron, task.task_id),
    }


def is_derived_right(node: Row) -> bool:
    """Return True if a task's derived properties are right: the due index and lists use them."""
    return all(node.get(name) == value for name, value in derived_of(node).items())


class RecordCheck:
    """Reads every record of a graph.

    Args:
        connection: An open graph.
        watch: Called after every page.
    """

    def __init__(self, connection: GraphConnection, watch: Callable[[CheckStep], None]) -> None:
        self._connection = connection
        self._watch = watch
        self.read: dict[str, int] = {}
        """The number of readable records of each label."""
        self.keyless: dict[str, int] = {}
        """The number of nodes of each label without a key."""
        self.unreachable: dict[str, str] = {}
        """Labels whose records the engine cannot read, with its error."""
        self.doubled: list[str] = []
        """Duplicate keys."""
        self.refused: list[tuple[str, Row, str]] = []
        """Unreadable records: the label, the node, and the fault."""

    async def each(self, label: str) -> AsyncIterator[Row]:
        """Yield the readable nodes of *label*, and collect the others."""
        key, last, walked = KEYS[label], None, 0
        self.read[label] = 0
        try:
            total = await self._total(label)
            async for page in self._pages(label):
                for node in page:
                    walked += 1
                    if node.get(key) == last:
                        self.doubled.append(f"{label} {last}")
                    last = node.get(key)
                    if self._is_readable(label, node):
                        self.read[label] += 1
                        yield node
                self._watch(CheckStep(label, walked, max(total, walked)))
        except RemembrancerError as refused:
            self.unreachable[label] = str(refused)
        else:
            if total > walked:
                self.keyless[label] = total - walked

    def _is_readable(self, label: str, node: Row) -> bool:
        try:
            _times(node)
            READERS[label](node)
        except FAULTS as fault:
            self.refused.append((label, node, " ".join(str(fault).split())))
            return False
        return True

    async def _total(self, label: str) -> int:
        if label in APART:
            return 0
        (found,) = await self._connection.read(query(f"nodes_in_all_{label}"), {})
        return found["size"]

    async def _pages(self, label: str) -> AsyncIterator[list[Row]]:
        single: Mapping[str, tuple[LiteralString, str]] = {
            "lifetime_statistics": (query("counters"), "c"),
            "access_token": (query("tokens"), "k"),
        }
        if label in single:
            text, name = single[label]
            yield [row[name] for row in await self._connection.read(text, {})]
        elif label == "event_stream":
            yield await self._connection.read(query("event_streams"), {})
        elif label == "event_batch":
            async for page in self._batches():
                yield page
        else:
            async for page in self._by_key(label):
                yield page

    async def _by_key(self, label: str) -> AsyncIterator[list[Row]]:
        text = query("own_thoughts" if label == "thought" else f"nodes_of_{label}")
        after = ""
        while True:
            page = [row["n"] for row in await self._connection.read(text, {"after": after, "limit": PAGE})]
            yield page
            if len(page) < PAGE:
                return
            after = page[-1][KEYS[label]]

    async def _batches(self) -> AsyncIterator[list[Row]]:
        for stream in await self._connection.read(query("event_streams"), {}):
            first = stream["stream"] * KEYS_OF_A_STREAM
            span: Row = {"after_key": first, "end_key": first + KEYS_OF_A_STREAM - 1, "limit": PAGE}
            while page := [row["b"] for row in await self._connection.read(query("event_batches"), span)]:
                yield page
                span["after_key"] = page[-1]["batch_key"]
