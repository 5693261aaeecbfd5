"""Neo4j by itself: one client, one thread, no Python objects, the statements that `raw` runs on the embedded engine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, LiteralString

import raw

from remembrancer.model.timestamps import to_ms
from remembrancer.stores.rows.due_key import due_key, last_key

if TYPE_CHECKING:
    from datetime import datetime

    from neo4j_server import Server

BATCH = 500
LOOKS = 200


class RawNeo4j:
    """The database of *server*, driven by the driver alone; our constraints and indexes are on it."""

    def __init__(self, server: Server) -> None:
        self._session = server.driver.session(database=server.database)
        self._singles = 0

    def fill(self, count: int, first_ms: int) -> None:
        """Create *count* tasks due at *first_ms*."""
        for start in range(0, count, BATCH):
            names = [f"raw_{number}" for number in range(start, min(start + BATCH, count))]
            self._write(
                raw.CREATE, [{"task_id": name, "ms": first_ms, "due_key": due_key(first_ms, name)} for name in names]
            )

    def creates(self, count: int) -> float:
        """Create one task a transaction; return how many a second."""
        began = time.perf_counter()
        for _ in range(count):
            self._singles += 1
            far, name = 4_000_000_000_000 + self._singles, f"raw_single_{self._singles}"
            self._write(raw.CREATE, [{"task_id": name, "ms": far, "due_key": due_key(far, name)}])
        return count / (time.perf_counter() - began)

    def fires(self, now_ms: int) -> float:
        """Claim and settle all that is due, each task moved on by a minute; return how many a second."""
        fired = 0
        began = time.perf_counter()
        while due := self._due(last_key(now_ms), BATCH):
            won = self._write(raw.CLAIM, raw.claims(due))
            fired += len(self._write(raw.SETTLE, [{**row, "at": now_ms} for row in won]))
        return fired / (time.perf_counter() - began)

    def looks(self, moment: datetime) -> list[float]:
        """Return the milliseconds of due checks at *moment* for 100 tasks."""
        spent: list[float] = []
        for _ in range(LOOKS):
            began = time.perf_counter()
            self._due(last_key(to_ms(moment)), 100)
            spent.append((time.perf_counter() - began) * 1000)
        return spent

    def close(self) -> None:
        """Let the server go."""
        self._session.close()

    def _due(self, now_key: int, limit: int) -> list[dict[str, Any]]:
        return self._session.run(raw.DUE, floor=0, now=now_key, limit=limit).data()

    def _write(self, text: LiteralString, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        with self._session.begin_transaction() as transaction:
            answer = transaction.run(text, rows=rows).data()
            transaction.commit()
        return answer
