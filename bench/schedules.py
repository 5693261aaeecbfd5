"""The processor time that a year of fires of 1,000 mixed schedules costs.

    python bench/schedules.py

The mix: a fifth fires every 15 minutes, the others by the hour, by the day, on working days, weekly, monthly, and at
the odd times of cron's `L`, `#` and `W`; five zones; about 7.1 million fires.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from remembrancer.model.timestamps import to_ms
from remembrancer.schedules.cron.expression import parse_cron

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
OTHERS = (
    "{m} {h} * * *",
    "{m} {h} * * 1-5",
    "{m} {h} * * {w}",
    "{m} {h} {d} * *",
    "{m} {h} L * *",
    "{m} {h} * * {w}#2",
    "{m} {h} 15W * *",
    "{m} {h},{i} * * *",
)


def mix(count: int) -> list[str]:
    """Return the expressions."""
    found: list[str] = []
    for n in range(count):
        zone = ZONES[n % 5]
        text = "*/15 * * * *" if n % 5 == 0 else OTHERS[n % len(OTHERS)]
        places = {"m": n % 60, "h": n % 24, "i": (n + 7) % 24, "w": n % 7, "d": n % 28 + 1}
        hours = sorted({places["h"], places["i"]})
        text = text.replace("{h},{i}", ",".join(map(str, hours))).format(**places)
        found.append(f"{zone} {text}")
    return found


def main() -> None:
    """Expand a year of the mix, and print the figure."""
    begin, end = to_ms(datetime(2026, 1, 1, tzinfo=UTC)), to_ms(datetime(2027, 1, 1, tzinfo=UTC)) - 1
    started = time.process_time()
    fires = 0
    for line in mix(1000):
        zone, _, expression = line.partition(" ")
        fires += len(parse_cron(expression, timezone=zone).between(begin, end, 1_000_000))
    spent = time.process_time() - started
    print(f"{fires:,} fires of 1,000 schedules in a year: {spent:.2f} s of processor time")


if __name__ == "__main__":
    main()
