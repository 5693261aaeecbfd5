"""Group commit: writes that arrive while a commit is under way go together in the next one.

Statements of the same name become one UNWIND over all their rows, so that five hundred small writes cost one query and
one fsync. A single write never waits for others.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from remembrancer.stores.commits.statistics import CommitStatistics
from remembrancer.stores.commits.writes import WRITES

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator, Sequence

    from remembrancer.stores.commits.statement import Row, Statement

REMEMBERED: Final = 10_000
"""The number of commits whose sizes a connection keeps for the telemetry."""
_ONLY_WHERE: Final = {"row", "element_id"}
"""The columns of an answer that only the next write uses: neither statistics nor events read them."""


@dataclass(slots=True)
class Write:
    """One caller's statements, and the future that answers it."""

    statements: Sequence[Statement]
    answer: asyncio.Future[list[list[Row]]]

    @property
    def size(self) -> int:
        """The number of its rows."""
        return sum(len(statement.rows) for statement in self.statements)

    def give(self, answer: list[list[Row]] | Exception) -> None:
        """Give the answer to the caller, if it still waits."""
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)

    def touched(self) -> Iterator[tuple[str, object]]:
        """Yield what must not occur twice in one UNWIND: (query, task), (query, execution), …."""
        for statement in self.statements:
            identity = WRITES[statement.name].identity
            for row in statement.rows:
                yield statement.name, row.get(identity) if identity else None


@dataclass(slots=True)
class Batch:
    """The rows of one statement in a group, and from which write and statement they came."""

    name: str
    rows: list[Row] = field(default_factory=list["Row"])
    origins: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    """(write, statement, first row) of each contribution, ascending by first row."""

    def add(self, statement: Statement, write: int, part: int) -> None:
        """Append the rows of *statement*, the *part* of its write, each numbered by its place in the batch.

        They are copies: statements may share their rows.
        """
        rows = cast("Sequence[Row]", statement.rows)
        first = len(self.rows)
        self.origins.append((write, part, first))
        self.rows.extend({**row, "row": place} for place, row in enumerate(rows, first))

    def written(self, answer: Sequence[Row]) -> list[Row]:
        """Return the rows that were written by *answer*, each with the columns of the answer."""
        if not answer or answer[0].keys() <= _ONLY_WHERE:
            return [self.rows[row["row"]] for row in answer]
        return [{**self.rows[row["row"]], **row} for row in answer]


@dataclass(slots=True)
class Group:
    """Writes that commit together."""

    writes: list[Write]
    batches: list[Batch]

    @classmethod
    def of(cls, writes: list[Write]) -> Group:
        """Merge statements of the same name, keeping the order that each write asked for."""
        batches: list[Batch] = []
        for number, write in enumerate(writes):
            place = 0
            for part, statement in enumerate(write.statements):
                place = next((at for at in range(place, len(batches)) if batches[at].name == statement.name), -1)
                if place < 0:
                    batches.append(Batch(statement.name))
                    place = len(batches) - 1
                batches[place].add(statement, number, part)
        return cls(writes, batches)

    @property
    def size(self) -> int:
        """The number of its rows."""
        return sum(len(batch.rows) for batch in self.batches)

    def statistics(self, answers: list[list[Row]]) -> CommitStatistics:
        """Return the counts and events of the group, from the answers of its batches."""
        statistics = CommitStatistics()
        for batch, rows in zip(self.batches, answers, strict=True):
            statistics.add(batch.name, batch.written(rows))
        return statistics

    def refuse(self, error: Exception) -> None:
        """Raise *error* in every caller: nothing of the group was written."""
        for write in self.writes:
            write.give(error)

    def share(self, answers: list[list[Row]]) -> list[list[list[Row]]]:
        """Give each write its own rows back: answers by write, statement, row; `row` counts from its own first."""
        if len(self.writes) == 1 and len(self.batches) == len(self.writes[0].statements):
            return [answers]  # a single write, as a batch of fires is
        shares: list[list[list[Row]]] = [[[] for _ in write.statements] for write in self.writes]
        for batch, rows in zip(self.batches, answers, strict=True):
            origin = 0
            for row in sorted(rows, key=lambda row: row["row"]):
                while origin + 1 < len(batch.origins) and batch.origins[origin + 1][2] <= row["row"]:
                    origin += 1
                write, statement, first = batch.origins[origin]
                shares[write][statement].append({**row, "row": row["row"] - first})
        return shares


class Pending:
    """Writes that wait for their commit, first come first served. Not thread-safe: the owner locks it.

    Args:
        rows_per_commit: The most rows of one group; a single write may bring more.
    """

    def __init__(self, rows_per_commit: int) -> None:
        self._rows_per_commit = rows_per_commit
        self._writes: deque[Write] = deque()

    def __bool__(self) -> bool:
        """Return True if any write waits."""
        return bool(self._writes)

    def add(self, write: Write) -> None:
        """Queue *write* for the next group."""
        self._writes.append(write)

    def next_group(self) -> Group:
        """Take the next writes, up to one that touches the same task as they do, or is too large."""
        taken = [self._writes.popleft()]
        room = self._rows_per_commit - taken[0].size
        touched: set[tuple[str, object]] = set()
        while self._writes and self._writes[0].size <= room:
            touched = touched or set(taken[0].touched())
            mine = set(self._writes[0].touched())
            if not touched.isdisjoint(mine):
                break
            touched |= mine
            taken.append(self._writes.popleft())
            room -= taken[-1].size
        return Group.of(taken)
