"""One repair of a graph after another, and what all of them came to."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from remembrancer.bootstrap.engines import EMBEDDED, Place
from remembrancer.context import current_actor
from remembrancer.errors import GraphDamaged, GraphLocked, GraphUnavailable, RemembrancerError
from remembrancer.model.timestamps import to_ms
from remembrancer.model.words import count_of
from remembrancer.ports.graph_check import CheckStep, EngineRepair
from remembrancer.ports.writes import Change
from remembrancer.stores.commits.connection import GraphConnection
from remembrancer.stores.commits.counter_rollup import ENDED
from remembrancer.stores.commits.statement import Row, Statement
from remembrancer.stores.embedded.files.backup import drop_edge_lists
from remembrancer.stores.embedded.files.directory import DAMAGED
from remembrancer.stores.embedded.threads import on_own_thread
from remembrancer.stores.integrity.repair import Repair
from remembrancer.stores.migrations import OpenMode
from remembrancer.stores.records.counter_check import compare_counters
from remembrancer.stores.records.graph_copy import GraphCopyEndpoint
from remembrancer.stores.rows.audit_rows import change_row
from remembrancer.stores.rows.node_rows import to_json

MOST_ROUNDS: Final = 3
_COUNTED: Final = {
    "tasks_created": "scheduled_task",
    "executions_started": "task_execution",
    "deferrals": "task_deferral",
}
"""The labels whose nodes the statistics count."""
_SERVED: Final = (
    "The graph {graph} is being served by {schedulers}, and is repaired only while no scheduler works on it. Stop "
    "every scheduler of it (of one that was killed, the sign of life is a minute old by then), and repair it then."
)


class RepairRounds:
    """Repairs one graph, round after round.

    Args:
        place: The place of the graph.
        now: The moment of the repair.
    """

    def __init__(self, place: Place, now: datetime) -> None:
        self._place = place
        self._now = now
        stamp = f"{now:%Y%m%dT%H%M%SZ}"
        self.apart = Path(os.curdir) / f"remembrancer-unreadable-{stamp}.jsonl"
        """The folder with what was there before: all files of an embedded graph, or a server's unreadable records."""
        self._file, self._counter_id = self.apart, ENDED
        if place.folder is not None:
            self.apart = place.folder / DAMAGED / stamp
            self._file, self._counter_id = self.apart / "unreadable.jsonl", EMBEDDED
        self.done: list[str] = []
        """The repairs, in words."""
        self.apart_counts: Counter[str] = Counter()
        """The number of records that were moved to a file, by label."""
        self.lost: Counter[str] = Counter()
        """The number of records that are lost, by label; 0 where it is not known."""

    async def run(self, watch: Callable[[CheckStep], None], *, has_bad_pages: bool) -> None:
        """Repair once, without the lists of edges if the engine has found pages that it does not mend.

        Raises GraphDamaged: what is left cannot be opened or mended.
        """
        try:
            if has_bad_pages:
                await self._drop_edge_lists()
            await self._run(watch)
        except GraphUnavailable as refused:
            if type(refused) not in {GraphUnavailable, GraphDamaged} or self._place.folder is None:
                raise
            raise GraphDamaged(
                f"The graph {self._place} cannot be repaired: {refused} All its files as they were before are in "
                f"{self.apart}. Only a backup brings it back: `remembrancer restore BACKUP {self._place}`, once that "
                "folder is out of the way."
            ) from refused

    async def note(self, rounds: int) -> None:
        """Write into the audit trail who repaired the graph, and what it has lost."""
        author = current_actor()
        change = Change(
            "repair", self._now, author.surface, author.actor, reason=f"check --repair, {count_of(rounds, 'round')}"
        )
        after = {"lost": dict(self.lost), "unreadable": dict(self.apart_counts), "kept_in": str(self.apart)}
        row: Row = {**change_row(None, change), "after": to_json(after)}
        async with self._place.opened(OpenMode.SERVE) as session:
            await session.write([Statement("record_repair", [row])])

    async def _run(self, watch: Callable[[CheckStep], None]) -> None:
        mended = await self._mend(watch)
        self.done += mended.done
        async with self._place.opened(OpenMode.SERVE) as session:
            missing = await _missing(session)
            for label in mended.lost.keys() | missing.keys():
                self.lost[label] += max(mended.lost.get(label, 0), missing.get(label, 0))
            repair = Repair(session, self._file, self._counter_id, watch)
            await repair.run(to_ms(self._now))
        self.done += repair.done
        self.apart_counts += repair.apart

    async def _mend(self, watch: Callable[[CheckStep], None]) -> EngineRepair:
        """Have the engine mend itself; where it cannot even look at itself, without its lists of edges."""
        try:
            return await self._mend_engine(watch)
        except GraphUnavailable as refused:
            if type(refused) not in {GraphUnavailable, GraphDamaged} or self._place.folder is None:
                raise
        await self._drop_edge_lists()
        return await self._mend_engine(watch)

    async def _drop_edge_lists(self) -> None:
        if (folder := self._place.folder) is not None:
            await on_own_thread(lambda: drop_edge_lists(folder))
            self.done.append("Lists of edges could not be read: all edges are made again.")

    async def _mend_engine(self, watch: Callable[[CheckStep], None]) -> EngineRepair:
        async with self._place.opened(OpenMode.CHECK) as session:
            if schedulers := await GraphCopyEndpoint(session, str(self._place)).active_replicas():
                raise GraphLocked(_SERVED.format(graph=self._place, schedulers=", ".join(schedulers)))
            return await session.repair_engine(watch)


async def _missing(session: GraphConnection) -> dict[str, int]:
    """Return how many nodes of each label the statistics count and the graph does not hold."""
    with suppress(RemembrancerError):  # books that make no sense say nothing
        found = await compare_counters(session)
        lost = [each for each in found if each.counted in _COUNTED and each.is_loss]
        return {_COUNTED[each.counted]: int(each.statistics - each.nodes) for each in lost}
    return {}
