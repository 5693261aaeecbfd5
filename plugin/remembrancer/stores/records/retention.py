"""Retention of executions: old ones are found by age, added to summaries and deleted in one commit."""

from __future__ import annotations

import logging
import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

from remembrancer.errors import (
    DiskFull,
    GraphBusy,
    GraphReadOnly,
    GraphReplaced,
    GraphUnavailable,
    GraphUnreachable,
)
from remembrancer.model.ids import LAST_ID, first_id
from remembrancer.model.reacting_schedules import After
from remembrancer.model.schedule import value_from
from remembrancer.model.summary import ExecutionSummary
from remembrancer.model.timestamps import to_iso, to_ms
from remembrancer.policies.reactions import FollowPlace
from remembrancer.ports.retention import ExpiredExecution
from remembrancer.schedules.reaction import OUTCOMES
from remembrancer.stores.commits.statement import Row, Statement, UniqueKeyTaken
from remembrancer.stores.rows.audit_rows import change_row
from remembrancer.stores.rows.node_rows import to_json
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.ports.writes import Change
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.rows.readable_records import ReadableRecords

_LOG: Final = logging.getLogger("remembrancer")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
"""The beginning of a time as text, whatever type the engine gives it."""


class GraphRetention:
    """The old executions of one graph. The contract and its laws: `remembrancer.ports.retention.ExecutionRetention`.

    Args:
        connection: An open graph.
        records: Reads its nodes.
    """

    def __init__(self, connection: GraphConnection, records: ReadableRecords) -> None:
        self._connection = connection
        self._records = records

    async def oldest(self, before: datetime, after_id: str, limit: int) -> Sequence[ExpiredExecution]:
        """Return executions begun before *before*, with a greater id than *after_id*, oldest first."""
        before_ms = to_ms(before)
        parameters: Row = {
            "before_ms": before_ms,
            # The end of the index range: an id begins with its nominal time, and no run begins before that.
            "before_id": first_id("exec", before_ms),
            "after_id": after_id,
            "followers": [_follower_row(row) for row in await self._connection.read(query("open_followers"), {})],
        }
        old: list[ExpiredExecution] = []
        while room := limit - len(old):  # an unreadable one takes no other's place
            found = await self._connection.read(query("oldest_executions"), {**parameters, "limit": room})
            old += [each for row in found if (each := _old_from(row))]
            if len(found) < room:
                break
            parameters["after_id"] = found[-1]["execution_id"] or LAST_ID
        return old

    async def begin(self, before: datetime, change: Change) -> None:
        """Write to the audit log who begins to prune the executions begun before *before*."""
        row = {**change_row(None, change), "after": to_json({"executions_before": to_iso(before)})}
        await self._connection.write([Statement("begin_roll_up", [row])])

    async def summarize(self, old: Sequence[ExpiredExecution]) -> int:
        """Add executions to the summaries of their days, and delete them; return how many they were."""
        statements = [Statement("roll_up_executions", _by_day(old))]
        if thoughts := sorted({each.thought_id for each in old if each.thought_id}):
            statements.append(Statement("delete_thoughts", [{"thought_id": thought_id} for thought_id in thoughts]))
        try:
            answers = await self._connection.write(statements)
        except UniqueKeyTaken:
            return 0  # an edge was added to one of them meanwhile: the next read leaves it out
        except (GraphUnreachable, GraphBusy, DiskFull, GraphReplaced, GraphReadOnly):
            raise
        except GraphUnavailable as refused:  # the engine cannot read a summary: it must stop no other
            return await self._one_by_one(old, refused)
        return sum(row["executions"] for row in answers[0])

    async def _one_by_one(self, old: Sequence[ExpiredExecution], refused: GraphUnavailable) -> int:
        """Summarize day by day; executions that the engine refuses stay as they are."""
        days = [list(some) for _, some in groupby(sorted(old, key=_day_of), key=_day_of)]
        if len(days) == 1:
            _LOG.error("The executions of %s on %s are not rolled up: %s", *_day_of(old[0]), refused)
            return 0
        return sum([await self.summarize(some) for some in days])

    async def summaries(self, task_id: str | None, limit: int) -> Sequence[ExecutionSummary]:
        """Return summaries, the latest day first: of one task, or of all."""
        found = await self._connection.read(query("summaries"), {"task_id": task_id, "limit": limit})
        return self._records.read("summary_id", ExecutionSummary.model_validate, [row["s"] for row in found])


def _follower_row(row: Row) -> Row:
    """Return what a follower counts and has served; one that cannot be read counts all.

    Both are texts: a list that is looked through for each of a list would be a loop within a loop.
    """
    try:
        place, value = FollowPlace.read(row["watch"]), value_from(row["schedule_spec"])
    except (ValueError, TypeError):
        place, value = FollowPlace(), None
    counted = OUTCOMES.get(value.on) if isinstance(value, After) else None
    return {
        "task_id": row["task_id"],
        "since_ms": row["since_ms"],
        "statuses": " ".join(counted or OUTCOMES["ended"]),
        "floor_ms": place.floor_ms,
        "served": " ".join(f'"{each}"' for each in place.served),
    }


def _old_from(row: Row) -> ExpiredExecution | None:
    """Read an execution; None for an unreadable one, or one that another replica rolls up at the same time."""
    nominal_at, occurrences = str(row["nominal_at"]), row["occurrences"]
    if not isinstance(row["execution_id"], str) or not isinstance(row["task_id"], str) or not _DAY.match(nominal_at):
        return None
    if (
        isinstance(occurrences, bool)
        or not isinstance(occurrences, int)
        or not isinstance(row["thought_id"], str | None)
    ):
        return None
    return ExpiredExecution(row["execution_id"], row["task_id"], nominal_at[:10], occurrences, row["thought_id"])


def _day_of(old: ExpiredExecution) -> tuple[str, str]:
    return old.task_id, old.day


def _by_day(old: Sequence[ExpiredExecution]) -> list[Row]:
    """Return a row for each task and day, in an order that all replicas share."""
    ordered = sorted(old, key=lambda each: (each.task_id, each.day, each.execution_id))
    return [
        {
            "summary_id": f"{task_id}|{day}",
            "task_id": task_id,
            "day": day,
            "execution_ids": [each.execution_id for each in some],
        }
        for (task_id, day), some in groupby(ordered, key=lambda each: (each.task_id, each.day))
    ]
