"""Named calendars, as nodes of the graph, and the tasks that refer to them or to other tasks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast

from remembrancer.model.calendar import NamedCalendar
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.ports.calendars import CalendarInUse
from remembrancer.stores.records.named_nodes import NamedKind, NamedNodes
from remembrancer.stores.rows.node_rows import shown_task_from
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.rows.readable_records import ReadableRecords

_PAGE: Final = 500
_AUDITED: Final = ("name", "source", "country", "subdivision", "version", "first", "last", "library")


class GraphCalendarStore(NamedNodes[NamedCalendar]):
    """The contract and its laws: `remembrancer.ports.calendars.CalendarStore`.

    Args:
        connection: An open graph.
        records: Reads its nodes.
    """

    def __init__(self, connection: GraphConnection, records: ReadableRecords) -> None:
        super().__init__(connection, records, _CALENDARS)

    async def in_use(self) -> Sequence[CalendarInUse]:
        """Return the calendars that open tasks use."""
        found = await self._connection.read(query("calendars_in_use"), {})
        return [CalendarInUse(row["name"], row["last"] or "", row["tasks"]) for row in found]

    async def users(self, name: str) -> AsyncIterator[Sequence[ScheduledTask]]:
        """Yield the open tasks that use a calendar, in pages."""
        async for page in self._pages("users_of_calendar", {"name": name}):
            yield page

    async def outdated(self) -> AsyncIterator[Sequence[ScheduledTask]]:
        """Yield the open tasks that may have former content."""
        for name in ("users_of_former_calendars", "followers"):
            async for page in self._pages(name, {}):
                yield page

    async def followers(self, task_ids: Sequence[str]) -> Sequence[ScheduledTask]:
        """Return the open tasks that follow the times of any of *task_ids*."""
        return self._tasks(await self._connection.read(query("followers_of"), {"task_ids": list(task_ids)}))

    async def _pages(self, name: str, asked: Row) -> AsyncIterator[Sequence[ScheduledTask]]:
        after, is_last = "", False
        while not is_last:
            found = await self._connection.read(query(name), {**asked, "after": after, "limit": _PAGE})
            is_last = len(found) < _PAGE
            if found:
                after = found[-1]["t"]["task_id"]
                yield self._tasks(found)

    def _tasks(self, found: Sequence[Row]) -> list[ScheduledTask]:
        return self._records.read("task_id", shown_task_from, [row["t"] for row in found])


def calendar_from(node: Row) -> NamedCalendar:
    """Read a calendar from its node."""
    renewed_ms = cast("int | None", node.get("renewed_ms"))
    renewed_at = node["created_at"] if renewed_ms is None else from_ms(renewed_ms)
    return NamedCalendar.model_validate({**node, "dates": node["dates"].split(), "renewed_at": renewed_at})


def _properties(calendar: NamedCalendar) -> Row:
    """Return the properties of a calendar's node, but for the time when it was defined."""
    kept = calendar.model_dump(exclude={"created_at", "renewed_at"}, exclude_none=True)
    kept |= {"source": str(calendar.source), "dates": " ".join(calendar.dates)}
    return {**kept, "renewed_ms": to_ms(calendar.renewed_at)}


def _audited(calendar: NamedCalendar) -> str:
    """Return what the audit log says of a calendar, as JSON."""
    shown = {name: value for name in _AUDITED if (value := getattr(calendar, name)) is not None}
    return json.dumps({**shown, "dates": len(calendar.dates)}, ensure_ascii=False, separators=(",", ":"))


_CALENDARS: Final[NamedKind[NamedCalendar]] = NamedKind(
    row="calendar",
    create="create_calendars",
    replace="renew_calendars",
    delete="delete_calendars",
    all="calendars",
    by_name="calendars_by_name",
    properties=_properties,
    audited=_audited,
    read=calendar_from,
)
