"""A check of a whole graph: the engine, its indexes, every record and edge, and the counters against the nodes."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphReplaced, GraphUnreachable, RemembrancerError
from remembrancer.model.words import count_of
from remembrancer.ports.graph_check import NAMED, CheckReport, CheckStep, Finding
from remembrancer.stores.integrity.record_check import PAGE, WALKED, RecordCheck, is_derived_right
from remembrancer.stores.integrity.slot_check import SlotCheck, slots_of
from remembrancer.stores.integrity.stream_check import StreamCheck
from remembrancer.stores.records.counter_check import compare_counters, compare_hours
from remembrancer_schema.catalog import query
from remembrancer_schema.kinds import EDGES, KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row
    from remembrancer_schema.kinds import Edge

_UNIQUE: Final = {
    "scheduled_task": "dedup_key",
    "task_execution": "occurrence_key",
    "task_change": "idempotency_key",
    "access_token": "digest",
}


class GraphCheck:
    """Checks one graph, without changing it.

    Args:
        connection: An open graph. On one with concurrent writers, only invariants that they preserve are checked.
        name: The graph's name for messages, without secrets.
        watch: Called with the progress.
    """

    def __init__(
        self, connection: GraphConnection, name: str, watch: Callable[[CheckStep], None] = lambda _: None
    ) -> None:
        self._connection = connection
        self._name = name
        self._watch = watch
        self._findings: list[Finding] = []
        self._slots = SlotCheck()
        self._leased: set[str] = set()
        self._crons: Counter[str] = Counter()
        self._open_tasks: dict[str, int] = {}
        self._misderived: list[str] = []
        self._streams = StreamCheck()
        self._values: set[int] = set()
        """Hashes of other unique properties than the keys."""
        self._collectors: dict[str, Callable[[Row], None]] = {
            "scheduled_task": self._collect_task,
            "task_execution": self._slots.add_execution,
            "concurrency_limit": self._slots.add_limit,
            "execution_lease": lambda node: self._leased.update(node["execution_ids"]),
            "cron_expression": self._collect_cron,
            "event_stream": self._streams.add_stream,
            "event_batch": self._streams.add_batch,
        }
        self.walk = RecordCheck(connection, watch)

    async def run(self) -> CheckReport:
        """Return the findings."""
        with self._reported("engine"):
            self._findings += await self._connection.check_engine(self._watch)
        for label in WALKED:
            async for node in self.walk.each(label):
                self._collect(label, node)
        self._report_records()
        self._report_streams()
        for edge in EDGES:
            with self._reported("edge"):
                self._findings += await self._ends(edge)
        with self._reported("index"):
            await self._report_misserved()
        with self._reported("lease"):
            await self._report_leases()
        with self._reported("slot"):
            await self._report_slots()
        with self._reported("statistics"):
            await self._report_counters()
        return CheckReport(self._name, self.walk.read, self._findings)

    @contextmanager
    def _reported(self, part: str) -> Generator[None]:
        """Report what the engine cannot check, and continue with the rest."""
        try:
            yield
        except (GraphUnreachable, GraphReplaced):
            raise
        except RemembrancerError as refused:
            self._found(part, f"This part could not be checked: {refused}", loss=True)

    def _collect(self, label: str, node: Row) -> None:
        """Collect data for later comparisons with other records."""
        if collect := self._collectors.get(label):
            collect(node)
        if (name := _UNIQUE.get(label)) and (value := node.get(name)) is not None:
            digest = hash((label, value))
            if digest in self._values:
                self.walk.doubled.append(f"{label}.{name} {value}")
            self._values.add(digest)

    def _collect_task(self, node: Row) -> None:
        if node.get("schedule_cron") and node["status"] in {"PENDING", "ACTIVE"}:
            self._crons[node["schedule_cron"]] += 1
        if not is_derived_right(node):
            self._misderived.append(node["task_id"])

    def _collect_cron(self, node: Row) -> None:
        if count := node.get("open_tasks"):
            self._open_tasks[node["expression"]] = count

    def _report_records(self) -> None:
        walk = self.walk
        for label, fault in walk.unreachable.items():
            self._found("record", f"Records labelled {label} cannot be reached: {fault}", loss=True)
        by_label: defaultdict[str, list[str]] = defaultdict(list)
        for label, node, fault in walk.refused:
            by_label[label].append(f"{node.get(KEYS[label])}: {fault[:200]}")
        for label, examples in by_label.items():
            self._found(
                "record", f"{count_of(len(examples), 'record')} labelled {label} cannot be read.", examples, loss=True
            )
        if self._connection.exclusive:  # on a server, nodes of other applications may have such a label
            for label, count in walk.keyless.items():
                self._found("key", f"{count_of(count, 'node')} labelled {label} without a {KEYS[label]}.", loss=True)
        if walk.doubled:
            self._found(
                "key", f"{count_of(len(walk.doubled), 'key exists', 'keys exist')} twice.", walk.doubled, loss=True
            )
        if self._misderived:
            saw = f"{count_of(len(self._misderived), 'task is', 'tasks are')} missing from the due index or lists."
            self._found("index", saw, self._misderived)

    def _report_streams(self) -> None:
        """Report events that a stream counts and that are missing; skipped with concurrent writers."""
        if self._connection.exclusive and (wrong := self._streams.wrong()):
            some = [f"stream {stream}: {what}" for stream, what in wrong.items()]
            self._found(
                "event",
                f"{count_of(len(wrong), 'stream')} of events, whose range differs from the stored events.",
                some,
            )

    async def _ends(self, edge: Edge) -> list[Finding]:
        """Return the findings on the edges of one type."""
        unreadable = {node.get(KEYS[label]) for label, node, _ in self.walk.refused if label == edge.source}
        missing: list[str] = []
        wrong: list[str] = []
        after, done = "", 0
        while not self.walk.unreachable.keys() & {edge.source, edge.target}:
            asked: Row = {"after": after, "limit": PAGE}
            page = await self._connection.read(query(f"ends_of_{edge.kind}".lower()), asked)
            for row in (row for row in page if row["source"] not in unreadable):
                if row["linked"] == 0 and (edge.required or row["named"] is not None):
                    missing.append(row["source"])
                elif row["linked"] and _is_wrong(edge, row):
                    wrong.append(f"{row['source']} to {', '.join(map(str, row['targets'])) or 'something else'}")
            done += len(page)
            self._watch(CheckStep(edge.kind, done, max(done, self.walk.read.get(edge.source, 0))))
            if len(page) < PAGE:
                break
            after = page[-1]["source"]
        found = (
            [(f"{count_of(len(missing), 'node lacks its', 'nodes lack their')} {edge.kind}.", missing)]
            if missing
            else []
        )
        found += (
            [(f"{count_of(len(wrong), 'edge leads', 'edges lead')} to the wrong node: {edge.kind}.", wrong)]
            if wrong
            else []
        )
        return [Finding("edge", saw, loss=True, examples=some[:NAMED]) for saw, some in found]

    async def _report_misserved(self) -> None:
        """Report tasks that are served with another priority than they should be."""
        rows = await self._connection.read(query("misserved_tasks"), {"limit": PAGE})
        if rows:
            saw = f"{count_of(len(rows), 'task is', 'tasks are')} served with another priority than follows for them."
            self._found("index", saw, [row["task_id"] for row in rows])

    async def _report_leases(self) -> None:
        """Report executions that no scheduler would ever settle."""
        unheld = self._slots.running - self._leased
        # An execution may have been settled, or its lease written, since it was read.
        if unheld and not self._connection.exclusive:
            still = await self._connection.read(query("still_running"), {"execution_ids": sorted(unheld)})
            held = await self._connection.read(query("leases_held"), {"limit": 1_000_000})
            unheld = {row["e"]["execution_id"] for row in still}
            unheld -= {execution_id for row in held for execution_id in row["execution_ids"]}
        if unheld:
            saw = f"{count_of(len(unheld), 'execution runs', 'executions run')} without a lease, and would never end."
            self._found("lease", saw, sorted(unheld))

    async def _report_slots(self) -> None:
        """Report slots of limits that executions hold which do not run."""
        stray = self._slots.stray()
        if stray and not self._connection.exclusive:  # one may have begun, or ended, since it was read
            ids = sorted({each for _, each in stray})
            for row in await self._connection.read(query("executions_of_ids"), {"execution_ids": ids}):
                self._slots.add_execution(row["e"])
            limits = await self._connection.read(query("limits_by_key"), {"keys": sorted({key for key, _ in stray})})
            stray &= self._slots.stray() & {slot for row in limits for slot in slots_of(row["l"])}
        if stray:
            saw = f"{count_of(len(stray), 'slot is', 'slots are')} held by executions that do not run."
            self._found("slot", saw, [f"{key}: {each}" for key, each in sorted(stray)])

    async def _report_counters(self) -> None:
        for each in await compare_counters(self._connection):
            self._found("statistics", f"{each}.", loss=each.is_loss)
        if self._connection.exclusive:
            for saw in await compare_hours(self._connection):
                self._found("statistics", f"{saw}.")
        if self._connection.exclusive and dict(self._crons) != self._open_tasks:
            odd = sorted(
                each
                for each in self._crons.keys() | self._open_tasks.keys()
                if self._crons[each] != self._open_tasks.get(each, 0)
            )
            self._found(
                "statistics",
                f"{count_of(len(odd), 'cron expression has', 'cron expressions have')} another number of open tasks.",
                odd,
            )

    def _found(self, part: str, saw: str, examples: Iterable[str] = (), *, loss: bool = False) -> None:
        self._findings.append(Finding(part, saw, loss, list(examples)[:NAMED]))


def _is_wrong(edge: Edge, row: Row) -> bool:
    if edge.named_by is None:
        return (row["linked"] > 1 and not edge.several) or len(row["targets"]) != row["linked"]
    return row["targets"] != [row["named"]]
