"""Tables of django-celery-beat: rows of its database, or the JSON of `manage.py dumpdata`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast

from remembrancer.model.plain_schedules import Once
from remembrancer.schedules.importers.celery_entries import SOLAR, BeatEntry, beat_task
from remembrancer.schedules.importers.entries import Entry, Refused, refused

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
"""Rows by the name of the model, each with its `id`."""
MODELS: Final = ("periodictask", "crontabschedule", "intervalschedule", "clockedschedule", "solarschedule")


def is_dump(held: object) -> bool:
    """Return whether a JSON value is a dump of models."""
    return isinstance(held, list) and all(
        isinstance(each, Mapping) and {"model", "fields"} <= cast("Row", each).keys()
        for each in cast("list[object]", held)
    )


def dumped_entries(held: object, zone: str) -> list[Entry]:
    """Return the entries of a dump, the crontabs in their own zones."""
    tables: dict[str, list[Row]] = {name: [] for name in MODELS}
    for each in cast("list[Row]", held):
        name = str(each["model"]).rpartition(".")[2].lower()
        if name in tables and isinstance(each["fields"], Mapping):
            tables[name].append({"id": each.get("pk"), **cast("Row", each["fields"])})
    return table_entries(tables, zone)


def table_entries(tables: Tables, zone: str) -> list[Entry]:
    """Return an entry for each periodic task."""
    rows = {name: {row["id"]: row for row in tables.get(name, ())} for name in MODELS}
    return [_entry(row, rows, zone) for row in tables.get("periodictask", ())]


def _entry(row: Row, rows: Mapping[str, Mapping[object, Row]], zone: str) -> Entry:
    place, name, task = f"periodic task {row.get('id')}", str(row.get("name")), str(row.get("task"))
    if not row.get("enabled", True):
        return refused(place, f"{name}: {task}", "it is disabled there")
    try:
        schedule = _schedule(row, rows, zone)
        args, kwargs = _json(row, "args", []), _json(row, "kwargs", {})
        bounds = _bounds(row, schedule)
    except Refused as reason:
        return refused(place, f"{name}: {task}", str(reason))
    options = {each: row[each] for each in _OPTIONS if row.get(each) not in {None, ""}}
    beat = BeatEntry(
        place=place,
        name=name,
        task=task,
        schedule=schedule,
        args=args,
        kwargs=kwargs,
        options=options or None,
        goal=str(row.get("description") or ""),
        bounds=bounds,
    )
    return beat_task(beat, zone)


def _schedule(row: Row, rows: Mapping[str, Mapping[object, Row]], zone: str) -> object:
    """Return the schedule of a row: the one of its four references that is set. Raises Refused."""
    for kind in ("crontab", "interval", "clocked", "solar"):
        key = row.get(f"{kind}_id", row.get(kind))
        if key is None:
            continue
        if kind == "solar":
            raise Refused(SOLAR)
        found = rows[f"{kind}schedule"].get(key)
        if found is None:
            raise Refused(f"its {kind} schedule {key} is not there")
        if kind == "interval":
            return {"every": found["every"], "period": found["period"]}
        if kind == "clocked":
            return Once(_time(found["clocked_time"]))
        fields = {name: str(found[name]) for name in _CRONTAB if name in found}
        return {**fields, "timezone": found.get("timezone") or zone}
    raise Refused("it has no schedule")


def _bounds(row: Row, schedule: object) -> dict[str, Any]:
    """Return the bounds of a row: a start, an end, and a single run."""
    if isinstance(schedule, Once):
        return {}
    bounds: dict[str, Any] = {}
    if row.get("start_time"):
        bounds["start"] = _second(row["start_time"])
    if row.get("expires"):  # beat sends nothing from that time on; an end here is the last time
        bounds["end"] = _second(row["expires"], -1)
    if row.get("one_off"):
        if row.get("total_run_count"):
            raise Refused("it was to run once, and has run")
        since = bounds.get("start") or row.get("date_changed")
        if not since:
            raise Refused("it runs once, and neither start_time nor date_changed says from when on")
        bounds |= {"start": _second(since), "count": 1}
    return bounds


def _time(given: object) -> str:
    """Return a time of the database as ISO-8601 with a zone: Django keeps times without one in UTC."""
    try:
        at = datetime.fromisoformat(str(given))
    except ValueError:
        raise Refused(f"{str(given)[:40]!r} is no time") from None
    return at.isoformat() if at.tzinfo else f"{at.isoformat()}Z"


def _second(given: object, later: int = 0) -> str:
    """Return a time of the database without parts of a second, so many seconds later."""
    at = datetime.fromisoformat(_time(given)).replace(microsecond=0)
    return (at + timedelta(seconds=later)).isoformat()


def _json(row: Row, column: str, otherwise: object) -> object:
    given = row.get(column)
    try:
        value: object = json.loads(given) if isinstance(given, str) and given else otherwise
    except (ValueError, RecursionError):
        raise Refused(f"its {column} are no JSON") from None
    return value or None


_CRONTAB: Final = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
_OPTIONS: Final = ("queue", "exchange", "routing_key", "priority", "expire_seconds", "headers")
