"""The processor time that a year of fires of 1,000 mixed schedules costs.

    python bench/schedules.py

The mix is of all kinds that repeat: a fifth fires every 15 minutes, as cron, interval or rule; the others by the hour,
the day, the week and the month, as cron, rules, dates, windows, business days, and those made of others; five zones.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from remembrancer.model.schedule import value_of
from remembrancer.model.timestamps import to_ms
from remembrancer.schedules.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.schedules.protocol import Schedule

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
QUARTERS = (
    {"kind": "cron", "expression": "*/15 * * * *"},
    {"kind": "every", "every": "15m"},
    {"kind": "rrule", "rule": "FREQ=MINUTELY;INTERVAL=15", "start": "2026-01-01T00:00:00"},
)
DAYS = ("mon-fri", "sat,sun", "wed")


def _others(n: int) -> dict[str, object]:
    """Return the schedule at a place of the mix; each place is another kind."""
    at = f"{n % 24:02d}:{n % 60:02d}"
    start = f"2026-01-{n % 28 + 1:02d}T{at}:00"
    daily: dict[str, object] = {"kind": "cron", "expression": f"{n % 60} {n % 24} * * *"}
    kinds: tuple[Callable[[], dict[str, object]], ...] = (
        lambda: daily,
        lambda: {"kind": "cron", "expression": f"{n % 60} {n % 24} * * {n % 7}#2"},
        lambda: {"kind": "cron", "expression": f"{n % 60} {n % 24} L * *"},
        lambda: {"kind": "every", "every": "1h", "phase": f"{n % 60}m"},
        lambda: {"kind": "every", "every": "2d", "at": at},
        lambda: {"kind": "rrule", "rule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", "start": start},
        lambda: {"kind": "rrule", "rule": "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "start": start},
        lambda: {"kind": "dates", "dates": [f"2026-{month:02d}-{n % 28 + 1:02d}" for month in range(1, 13)], "at": at},
        lambda: {"kind": "weekly", "days": DAYS[n % 3], "start": "09:00", "end": "17:00"},
        lambda: {"kind": "workdays", "at": at, "nth": -1},
        lambda: {"kind": "any_of", "schedules": [daily, {"kind": "workdays", "at": "12:00"}]},
        lambda: {"kind": "all_of", "schedules": [daily, {"kind": "workdays"}]},
        lambda: {"kind": "except", "schedule": daily, "excluded": [{"kind": "dates", "dates": ["2026-12-24"]}]},
        lambda: {"kind": "offset", "schedule": daily, "by": "-15m"},
        lambda: {"kind": "bounded", "schedule": daily, "start": start, "jitter": "10m"},
    )
    return kinds[n % len(kinds)]()


def in_zone(value: dict[str, object], zone: str) -> dict[str, object]:
    """Return a value whose times are those of a zone; schedules inside it, too."""
    told: dict[str, object] = {}
    for name, held in value.items():
        if isinstance(held, dict):
            told[name] = in_zone(held, zone)
        elif isinstance(held, list) and held and isinstance(held[0], dict):
            told[name] = [in_zone(each, zone) for each in held]
        else:
            told[name] = held
    return told if {"schedule", "schedules"} & told.keys() else {**told, "timezone": zone}


def mix(count: int) -> list[dict[str, object]]:
    """Return the values, as requests give them."""
    return [in_zone(dict(QUARTERS[n // 5 % 3]) if n % 5 == 0 else _others(n), ZONES[n // 5 % 5]) for n in range(count)]


def made(value: dict[str, object], task_id: str) -> Schedule:
    """Return the schedule of a value."""
    read = value_of(value)
    return KINDS[read.kind](read, task_id)


def main() -> None:
    """Expand a year of the mix, and print the figures: all together, and by kind."""
    begin, end = to_ms(datetime(2026, 1, 1, tzinfo=UTC)), to_ms(datetime(2027, 1, 1, tzinfo=UTC)) - 1
    fires: dict[str, int] = {}
    spent: dict[str, float] = {}
    for place, value in enumerate(mix(1000)):
        kind = str(value["kind"])
        started = time.process_time()
        found = len(made(value, f"task_{place}").between(begin, end, 1_000_000))
        spent[kind] = spent.get(kind, 0.0) + time.process_time() - started
        fires[kind] = fires.get(kind, 0) + found
    total = sum(spent.values())
    print(f"{sum(fires.values()):,} fires of 1,000 schedules in a year: {total:.2f} s of processor time")
    for kind, seconds in sorted(spent.items(), key=lambda pair: -pair[1]):
        print(f"{kind:10} {fires[kind]:10,} fires {seconds:6.2f} s")


if __name__ == "__main__":
    main()
