"""Counter nodes: one for the lifetime of a writer, and one for each hour and type of task.

Each writer owns its counter nodes, so it keeps them in memory and overwrites them in the commit that they count: no
arithmetic in the graph, and no lock for which another replica waits. A text or a class of delays costs no more than a
number. A node that was there before the writer is read once, when its hour is first used.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from remembrancer.ports.statistics import DELAY_BOUNDS_MS, LIFETIME, OTHER
from remembrancer.stores.commits.events import log_row
from remembrancer.stores.commits.hourly_delta import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from remembrancer.stores.commits.hourly_delta import Counts, HourlyDelta
    from remembrancer.stores.commits.pending_counts import PendingCount
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.commits.statistics import CommitStatistics

_TEXTS: Final = 64
"""The number of texts that one node counts apart. Each text that is more than one in 64 of all is among them."""
_NUMBERS: Final = frozenset({*LIFETIME, "most_deferrals", "longest_delay_ms", "commit_number", "hour_ms"})
_REMEMBERED: Final = 64
"""The number of nodes held in memory beyond those that the current commit needs; others are read again."""


@dataclass(frozen=True, slots=True)
class CounterUpdate:
    """The counter nodes that one commit writes; they are remembered only once the commit is known to have succeeded."""

    row: Row = field(repr=False)
    """The one row of `write_statistics`."""
    nodes: dict[str, Row] = field(repr=False)
    gained: dict[str, float] = field(repr=False)
    pending: Sequence[PendingCount]
    """The pending counts among them."""


class CounterNodes:
    """The counter nodes of one writer.

    Args:
        counter_id: The key of its lifetime counter, and the beginning of the keys of its hours.
    """

    def __init__(self, counter_id: str) -> None:
        self._counter_id = counter_id
        self._nodes: dict[str, Row] = {}

    def unknown(self, statistics: CommitStatistics) -> list[str]:
        """Return the keys of nodes that must be read before *statistics* can be entered.

        Only this method forgets nodes, and none that *statistics* needs: between it and `enter`, the known ones stay.
        """
        needed = [self._counter_id, *(self._key(*hour) for hour in statistics.hours)]
        kept = {key: self._nodes.pop(key) for key in needed if key in self._nodes}
        while len(self._nodes) > _REMEMBERED:
            del self._nodes[next(iter(self._nodes))]  # the one whose last use is the longest ago
        self._nodes.update(kept)
        return [key for key in needed if key not in kept]

    def learn(self, keys: Iterable[str], found: Sequence[Row]) -> None:
        """Remember the nodes of these *keys*: *found* has those that the graph holds."""
        there: dict[str, Row] = {}
        for node in (row["n"] for row in found):
            there[node.get("hour_id") or node["counter_id"]] = sensible(node)
        self._nodes.update({key: there.get(key, {}) for key in keys})

    def enter(
        self, statistics: CommitStatistics, pending: Sequence[PendingCount], **properties: object
    ) -> CounterUpdate:
        """Return the update that a commit writes; *properties* go onto the lifetime counter as well.

        If the query writes nothing, the graph is not the one that was remembered: it was wiped, or restored.
        """
        gained: dict[str, float] = {}
        for name, count in [*statistics.totals(), *((what, 1) for what, _ in pending)]:
            gained[name] = gained.get(name, 0) + count
        hours = {self._key(*hour): self._hour(*hour, delta) for hour, delta in statistics.hours.items()}
        ever = {**self._counter(statistics, pending, gained), **properties}
        row: Row = {
            "row": 0,
            "counter_id": self._counter_id,
            "counted": ever,
            "commit_before": self._nodes[self._counter_id].get("commit_number"),
            "hours": [{"hour_id": key, "counted": node} for key, node in hours.items()],
            "crons": [{"expression": x, "tasks": n} for x, n in sorted(statistics.open_crons.items()) if n],
            "batches": [log_row(self._counter_id, statistics.events)] if statistics.events else [],
        }
        return CounterUpdate(row, {self._counter_id: ever, **hours}, gained, pending)

    def forget(self) -> None:
        """Forget all nodes, since the graph is not the one that was remembered."""
        self._nodes.clear()

    def keep(self, update: CounterUpdate, counts: Counts) -> None:
        """Remember the nodes of *update*, which was committed, and add its gains to *counts*."""
        self._nodes.update(update.nodes)
        for name, count in update.gained.items():
            counts[name] = counts.get(name, 0) + count

    def _key(self, hour: int, task_type: str) -> str:
        return f"{self._counter_id}|{hour}|{task_type}"

    def _hour(self, hour: int, task_type: str, delta: HourlyDelta) -> Row:
        """Return the node of one hour and type with *delta* added."""
        before = self._nodes[self._key(hour, task_type)]
        node = {**before, "hour_ms": hour * HOUR_MS, "task_type": task_type}
        _add(node, delta.counts)
        if delta.counts["triggers"]:
            delays = before.get("delays") or [0] * len(delta.delays)
            node["delays"] = [old + new for old, new in zip(delays, delta.delays, strict=True)]
            node["longest_delay_ms"] = max(before.get("longest_delay_ms", 0), delta.longest_delay_ms)
        _count_texts(node, "failure", delta.failures)
        _count_texts(node, "deferral", delta.reasons)
        return node

    def _counter(
        self, statistics: CommitStatistics, pending: Sequence[PendingCount], gained: Mapping[str, float]
    ) -> Row:
        """Return the lifetime counter with the gains of the commit."""
        node = dict(self._nodes[self._counter_id])
        _add(node, gained)
        errors = Counter(text for _, text in pending)
        for delta in statistics.hours.values():
            errors.update(delta.failures)
        _count_texts(node, "error", errors)
        deferrals, task_id = statistics.most_deferred
        if deferrals > node.get("most_deferrals", 0):
            node |= {"most_deferrals": deferrals, "most_deferred_task_id": task_id}
        return node


def texts_of(node: Row, kind: str) -> Counter[str]:
    """Return how often each text of *kind* was counted on a node; a folded one may have a text twice."""
    counted: Counter[str] = Counter()
    for text, count in zip(node.get(f"{kind}_texts") or (), node.get(f"{kind}_text_counts") or (), strict=True):
        counted[text] += count
    return counted


def sensible(node: Row) -> Row:
    """Return the readable properties of a counter node: the others count as nothing, and stop no commit."""
    kept: Row = {name: value for name, value in node.items() if name not in _NUMBERS or _is_number(value)}
    for kind in ("failure", "deferral", "error"):
        try:
            texts_of(kept, kind)
        except (TypeError, ValueError):
            kept.pop(f"{kind}_texts", None)
            kept.pop(f"{kind}_text_counts", None)
    delays = kept.get("delays")
    if delays is not None and (not isinstance(delays, list) or len(delays) != len(DELAY_BOUNDS_MS) + 1):  # pyright: ignore[reportUnknownArgumentType]
        del kept["delays"]
    return kept


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def summed(counters: Sequence[Row]) -> Row:
    """Return the sum of these counters, the same for any order of them."""
    counters = [sensible(row) for row in counters]
    node: Row = {name: _sum([row.get(name) or 0 for row in counters]) for name in LIFETIME}
    errors: Counter[str] = sum((texts_of(row, "error") for row in counters), Counter[str]())
    if errors:
        texts = sorted(errors)
        node |= {"error_texts": texts, "error_text_counts": [errors[text] for text in texts]}
    deferred = [(row["most_deferrals"], row["most_deferred_task_id"]) for row in counters if row.get("most_deferrals")]
    if deferred:
        node["most_deferrals"], node["most_deferred_task_id"] = max(deferred)
    return node


def _sum(values: Sequence[float]) -> float:
    return math.fsum(values) if any(isinstance(value, float) for value in values) else sum(values)


def _add(node: Row, counts: Mapping[str, float]) -> None:
    for name, count in counts.items():
        node[name] = node.get(name, 0) + count


def _count_texts(node: Row, kind: str, gained: Counter[str]) -> None:
    """Add *gained* to the texts of a node, by the space-saving sketch of Metwally, Agrawal and El Abbadi.

    A text that finds no room takes the place of the rarest. It may have lost its own place before; the count of the
    rarest is therefore its excess, the number by which its own count may be too low. The stored count is certain, and
    the total stays right, with the rest in `OTHER`.
    """
    if not gained:
        return
    counted = texts_of(node, kind)
    kept, beyond = node.get(f"{kind}_texts") or (), node.get(f"{kind}_text_excess") or ()
    excess: dict[str, int] = dict(zip(kept, beyond, strict=False))  # an older version has written none
    room = _TEXTS - len(counted.keys() - {OTHER})
    for text, count in reversed(gained.most_common()):
        if text not in counted and room <= 0:
            rarest = min(counted.keys() - {OTHER}, key=lambda each: (counted[each] + excess.get(each, 0), each))
            excess[text] = counted[rarest] + excess.pop(rarest, 0)
            counted[OTHER] += counted.pop(rarest)
        elif text not in counted:
            room -= 1
        counted[text] += count
    node[f"{kind}_texts"] = list(counted)
    node[f"{kind}_text_counts"] = list(counted.values())
    node[f"{kind}_text_excess"] = [excess.get(text, 0) for text in counted]
