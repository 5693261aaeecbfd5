"""The state that the ports of one open graph share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from remembrancer.ports.priorities import KnownPriorities
from remembrancer.stores.due_times.retry_times import RetryTimes
from remembrancer.stores.due_times.wait_floors import WaitFloors
from remembrancer.stores.due_times.watermark import Watermark
from remembrancer.stores.graph.due_index import DueIndex
from remembrancer.stores.graph.element_ids import ElementIdCache
from remembrancer.stores.graph.time_links import PendingTimeLinks
from remembrancer.stores.rows.readable_records import ReadableRecords

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from remembrancer.ports.limits import Refusal
    from remembrancer.stores.commits.connection import GraphConnection


@dataclass(frozen=True, slots=True)
class WatchSignals:
    """The calls when something may have happened that a task waits for."""

    on_change: list[Callable[[], None]] = field(default_factory=list["Callable[[], None]"])
    followed: set[str] = field(default_factory=set[str])
    settled: set[str] = field(default_factory=set[str])
    """Those of them that got an outcome, or ended, and were not asked for yet."""

    def tell(self) -> None:
        """Call the listeners."""
        for listener in self.on_change:
            listener()

    def tell_of(self, task_ids: Iterable[str]) -> None:
        """Call the listeners, if one of the tasks is followed."""
        if self.followed and (settled := self.followed.intersection(task_ids)):
            self.settled.update(settled)
            self.tell()

    def watch(self, task_ids: Iterable[str]) -> None:
        """Watch tasks from now on, as if each had just got an outcome: it may have."""
        if known := set(task_ids):
            self.followed.update(known)
            self.settled.update(known)
            self.tell()

    def take_settled(self) -> set[str]:
        """Return the tasks that were settled since the last call."""
        settled = set(self.settled)
        self.settled.difference_update(settled)
        return settled


@dataclass(frozen=True, slots=True)
class SlotSignals:
    """The claims that found no slot of a limit, and the calls when slots may have become free."""

    refused: dict[str, Refusal] = field(default_factory=dict[str, "Refusal"])
    on_freed: list[Callable[[Collection[str]], None]] = field(default_factory=list["Callable[[Collection[str]], None]"])

    def tell(self, keys: Collection[str]) -> None:
        """Call the listeners with limits of which slots became free, if there are any."""
        if keys:
            for listener in self.on_freed:
                listener(keys)


@dataclass(frozen=True, slots=True)
class GraphParts:
    """One open graph, and what this process remembers of it."""

    connection: GraphConnection
    index: DueIndex
    records: ReadableRecords
    """Reads nodes, and remembers those that cannot be read."""
    time_links: PendingTimeLinks
    """The tasks whose SCHEDULED_FOR edge must follow."""
    tasks: ElementIdCache
    executions: ElementIdCache
    signals: WatchSignals
    slots: SlotSignals
    retries: RetryTimes
    priorities: KnownPriorities
    wait_floors: WaitFloors
    """Of the index of waits; used where only this process writes."""

    @classmethod
    def of(cls, connection: GraphConnection, watermark_lifetime_ms: int) -> GraphParts:
        """Return the parts of a graph just opened."""
        return cls(
            connection,
            DueIndex(connection, watermark_lifetime_ms),
            ReadableRecords(),
            PendingTimeLinks(),
            ElementIdCache(connection, "task_elements"),
            ElementIdCache(connection, "execution_elements"),
            WatchSignals(),
            SlotSignals(),
            RetryTimes(Watermark(watermark_lifetime_ms if connection.exclusive else 0)),
            KnownPriorities(),
            WaitFloors(),
        )
