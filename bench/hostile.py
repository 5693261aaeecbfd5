"""The processor time of hostile schedules: each is to be refused, or answered, within 50 ms.

    python bench/hostile.py

An answer is the next five fires with their notes, and the words. Beside it: what counting a year costs, as after an
outage of a year, which is bounded by steps.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from remembrancer.errors import InvalidInput
from remembrancer.model.schedule import value_of
from remembrancer.model.timestamps import to_ms
from remembrancer.schedules.kinds import KINDS
from remembrancer.schedules.preview import preview

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LIMIT_MS = 50.0
NOW_MS = to_ms(datetime(2026, 11, 1, tzinfo=UTC))
YEAR_MS = 366 * 86_400_000


def rule(text: str, start: str = "1970-01-01T00:00:00", **more: object) -> dict[str, object]:
    """Return a rule of RFC 5545 as a request gives it."""
    return {"kind": "rrule", "rule": text, "start": start, **more}


def nested(depth: int) -> dict[str, object]:
    """Return a schedule that is *depth* deep inside others."""
    value: dict[str, object] = {"kind": "every", "every": "1s"}
    for _ in range(depth):
        value = {"kind": "any_of", "schedules": [value, {"kind": "workdays"}]}
    return value


def hostile() -> dict[str, dict[str, object]]:
    """Return the values, by what is hostile in each."""
    first = date(2026, 1, 1)
    dates = [(first + timedelta(days=each)).isoformat() for each in range(10_000)]
    leap = {"kind": "cron", "expression": "0 0 29 2 *"}
    each_second = {"kind": "every", "every": "1s"}
    odd = [rule("FREQ=SECONDLY;INTERVAL=59", timezone="Europe/Berlin"), rule("FREQ=SECONDLY;INTERVAL=61")]
    hours = "BYHOUR=9,10,11,12,13,14,15,16"
    office = [rule(f"FREQ=SECONDLY;INTERVAL={each};{hours}") for each in (59, 61)]
    apart = [
        rule(f"FREQ=SECONDLY;INTERVAL=4;{hours}"),
        rule(f"FREQ=SECONDLY;INTERVAL=6;{hours}", "1970-01-01T00:00:01"),
    ]
    return {
        "INTERVAL=0": rule("FREQ=DAILY;INTERVAL=0"),
        "SECONDLY from 1970": rule("FREQ=SECONDLY"),
        "MINUTELY from 1970": rule("FREQ=MINUTELY;INTERVAL=7"),
        "SECONDLY, a leap day": rule("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3"),
        "COUNT with UNTIL": rule("FREQ=DAILY;COUNT=5;UNTIL=20270101T000000Z"),
        "BYSETPOS": rule("FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=1,2,3;BYSETPOS=-366,366"),
        "BYSETPOS of no place": rule("FREQ=MONTHLY;BYMONTHDAY=1;BYSETPOS=2"),
        "BYMONTHDAY=31;BYMONTH=2": rule("FREQ=YEARLY;BYMONTHDAY=31;BYMONTH=2"),
        "BYMONTHDAY=31;BYMONTH=2, by the second": rule("FREQ=SECONDLY;BYMONTHDAY=31;BYMONTH=2"),
        "a floating UNTIL with a zone": rule("FREQ=DAILY;UNTIL=20270101T000000", timezone="Europe/Berlin"),
        "ten thousand dates": {"kind": "dates", "dates": dates, "at": "09:00", "timezone": "Europe/Berlin"},
        "SECONDLY;INTERVAL=86399;COUNT=100000": rule("FREQ=SECONDLY;INTERVAL=86399;COUNT=100000"),
        "SECONDLY;COUNT=100000;BYMONTHDAY=29": rule("FREQ=SECONDLY;COUNT=100000;BYMONTHDAY=29;BYMONTH=2;BYHOUR=3"),
        "four deep": nested(4),
        "a thousand deep": nested(1000),
        "two rules that seldom meet": {"kind": "all_of", "schedules": odd},
        "two rules of office hours that seldom meet": {"kind": "all_of", "schedules": office},
        "two rules of office hours that never meet": {"kind": "all_of", "schedules": apart},
        "each second, but a leap day": {"kind": "except", "schedule": each_second, "excluded": [leap]},
        "a leap day of the 53rd week": {"kind": "all_of", "schedules": [leap, rule("FREQ=YEARLY;BYWEEKNO=53")]},
        "100,000 times each second, with jitter": {
            "kind": "bounded",
            "schedule": each_second,
            "start": "1970-01-01T00:00:00",
            "count": 100_000,
            "jitter": "31d",
        },
    }


def answer(value: Mapping[str, object]) -> str:
    """Return the answer to a request for a value. Raises InvalidInput or ValueError: it is refused."""
    read = value_of(value)
    schedule = KINDS[read.kind](read, "task_1")
    return f"{len(preview(schedule, NOW_MS, 5))} fires: {schedule.describe()}"


def counted(value: Mapping[str, object]) -> str:
    """Return how many fires a year has. Raises InvalidInput or ValueError."""
    read = value_of(value)
    return f"{KINDS[read.kind](read, 'task_1').count(NOW_MS, NOW_MS + YEAR_MS):,}"


def cost_of(work: Callable[[Mapping[str, object]], str], value: Mapping[str, object]) -> tuple[float, str]:
    """Return the processor time in milliseconds, and the answer or the refusal."""
    started = time.process_time()
    said = _said(lambda: work(value))
    return (time.process_time() - started) * 1000, said


def _said(answer: Callable[[], str]) -> str:
    try:
        return answer()
    except InvalidInput as refused:
        return f"refused: {refused.allowed}"
    except ValueError as refused:
        return f"refused: {refused}"


def main() -> int:
    """Print the table; 1 if one of them takes longer than the limit."""
    cost_of(answer, {"kind": "cron", "expression": "0 9 * * 1-5", "timezone": "Europe/Berlin"})  # imports, and the zone
    slow = 0
    print("   answer   a year")
    for name, value in hostile().items():
        (spent, said), (year, _) = cost_of(answer, value), cost_of(counted, value)
        slow += spent > LIMIT_MS
        print(f"{spent:6.1f} ms {year:6.1f} ms {'SLOW' if spent > LIMIT_MS else '    '} {name:40}  {said[:80]}")
    return int(slow > 0)


if __name__ == "__main__":
    raise SystemExit(main())
