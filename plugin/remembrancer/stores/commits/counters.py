"""The nodes a connection counts on: its counter, and one for each hour and type of task. No other connection writes them.

Since they are the connection's own, it knows what stands in them and writes each whole, in the commit that it counts:
no arithmetic in the graph, no lock that another replica waits for, and a text or a class of delays costs no more
than a number. A node that was there before the connection is read once, when its hour is first touched.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from remembrancer.ports.statistics import DELAY_BOUNDS_MS, LIFELONG, OTHER
from remembrancer.stores.commits.events import log_row
from remembrancer.stores.commits.hourly_delta import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from remembrancer.stores.commits.hourly_delta import Counts, HourlyDelta
    from remembrancer.stores.commits.pending_counts import PendingCount
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.commits.statistics import CommitStatistics

_TEXTS: Final = 64
"""How many texts one node counts by themselves. Any that makes up more than one in so many of all is among them."""
_NUMBERS: Final = frozenset({*LIFELONG, "most_deferrals", "longest_delay_ms", "commit_number", "hour_ms"})
_REMEMBERED: Final = 64
"""How many nodes a connection remembers beyond those that the commit under way needs; a forgotten one is read again."""


@dataclass(frozen=True, slots=True)
class CounterUpdate:
    """What one commit writes into the books: nothing is remembered of it before it is known to be kept."""

    row: Row = field(repr=False)
    """The one row of `keep_books`."""
    nodes: dict[str, Row] = field(repr=False)
    gained: dict[str, float] = field(repr=False)
    notes: Sequence[PendingCount]


class CounterNodes:
    """What one connection, or one of its writers, has counted.

    Args:
        counter_id: Whose books they are: the key of its counter, and the beginning of its hours' keys.
    """

    def __init__(self, counter_id: str) -> None:
        self._counter_id = counter_id
        self._nodes: dict[str, Row] = {}

    def unknown(self, tally: CommitStatistics) -> list[str]:
        """Return the keys of nodes that must be learnt before *tally* can be entered.

        This is the only place that forgets, and it forgets nothing that *tally* needs: between here and `enter`, what
        was known stays known.
        """
        needed = [self._counter_id, *(self._key(*hour) for hour in tally.hours)]
        kept = {key: self._nodes.pop(key) for key in needed if key in self._nodes}
        while len(self._nodes) > _REMEMBERED:
            del self._nodes[next(iter(self._nodes))]  # the one that was needed last the longest ago
        self._nodes.update(kept)
        return [key for key in needed if key not in kept]

    def learn(self, keys: Iterable[str], found: Sequence[Row]) -> None:
        """Remember what stands in the nodes of these *keys*: *found* has those that are there."""
        there: dict[str, Row] = {}
        for node in (row["n"] for row in found):
            there[node.get("hour_id") or node["counter_id"]] = sensible(node)
        self._nodes.update({key: there.get(key, {}) for key in keys})

    def enter(self, tally: CommitStatistics, notes: Sequence[PendingCount], **properties: object) -> CounterUpdate:
        """Return what to write for a commit; *properties* go onto the counter beside it.

        Where that writes nothing, the graph is not the one that was remembered: it was wiped, or set back.
        """
        gained: dict[str, float] = {}
        for name, count in [*tally.totals(), *((what, 1) for what, _ in notes)]:
            gained[name] = gained.get(name, 0) + count
        hours = {self._key(*hour): self._hour(*hour, sums) for hour, sums in tally.hours.items()}
        ever = {**self._counter(tally, notes, gained), **properties}
        row: Row = {
            "row": 0,
            "counter_id": self._counter_id,
            "counted": ever,
            "commit_before": self._nodes[self._counter_id].get("commit_number"),
            "hours": [{"hour_id": key, "counted": node} for key, node in hours.items()],
            "crons": [{"expression": x, "tasks": n} for x, n in sorted(tally.open_crons.items()) if n],
            "batches": [log_row(self._counter_id, tally.events)] if tally.events else [],
        }
        return CounterUpdate(row, {self._counter_id: ever, **hours}, gained, notes)

    def forget(self) -> None:
        """The graph is not what it was: let nothing be written that was remembered of it."""
        self._nodes.clear()

    def keep(self, entry: CounterUpdate, counts: Counts) -> None:
        """What *entry* wrote was kept: add what it gained to *counts*."""
        self._nodes.update(entry.nodes)
        for name, count in entry.gained.items():
            counts[name] = counts.get(name, 0) + count

    def _key(self, hour: int, task_type: str) -> str:
        return f"{self._counter_id}|{hour}|{task_type}"

    def _hour(self, hour: int, task_type: str, sums: HourlyDelta) -> Row:
        """Return the node of one hour and type with *sums* added."""
        before = self._nodes[self._key(hour, task_type)]
        node = {**before, "hour_ms": hour * HOUR_MS, "task_type": task_type}
        _add(node, sums.counts)
        if sums.counts["triggers"]:
            delays = before.get("delays") or [0] * len(sums.delays)
            node["delays"] = [old + new for old, new in zip(delays, sums.delays, strict=True)]
            node["longest_delay_ms"] = max(before.get("longest_delay_ms", 0), sums.longest_delay_ms)
        _count_texts(node, "failure", sums.failures)
        _count_texts(node, "deferral", sums.reasons)
        return node

    def _counter(self, tally: CommitStatistics, notes: Sequence[PendingCount], gained: Mapping[str, float]) -> Row:
        """Return the connection's counter with what the commit gained."""
        node = dict(self._nodes[self._counter_id])
        _add(node, gained)
        errors = Counter(text for _, text in notes)
        for sums in tally.hours.values():
            errors.update(sums.failures)
        _count_texts(node, "error", errors)
        deferrals, task_id = tally.most_deferred
        if deferrals > node.get("most_deferrals", 0):
            node |= {"most_deferrals": deferrals, "most_deferred_task_id": task_id}
        return node


def texts_of(node: Row, kind: str) -> Counter[str]:
    """Return how often each text of *kind* was counted on a node; a folded one may say a text twice."""
    counted: Counter[str] = Counter()
    for text, count in zip(node.get(f"{kind}_texts") or (), node.get(f"{kind}_text_counts") or (), strict=True):
        counted[text] += count
    return counted


def sensible(node: Row) -> Row:
    """Return what of a counter's or an hour's node makes sense: the rest counts as nothing, and stops no commit."""
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
    """Return one counter that holds what these hold together, the same in whatever order they come."""
    counters = [sensible(row) for row in counters]
    node: Row = {name: _sum([row.get(name) or 0 for row in counters]) for name in LIFELONG}
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

    A text that finds no room takes that of the rarest, which may have been itself, thrown out before: so often it may
    have been counted beyond what it is now, its excess. What is kept as its count is what is certain, and what was
    counted in all is kept, in `OTHER`.
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
