"""The balance of the day: what schedules and decisions asked for, against what the graph says became of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from agent import MONDAY, promises
from croniter import croniter
from fast_clock import BERLIN, at

from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from remembrancer import TaskSchedulerService

_DECISIONS: Final = """
MATCH (c:task_change) WHERE c.action IN ['cancel', 'run_now']
RETURN c.action AS decision, count(c) AS times
UNION ALL
MATCH (d:task_deferral)
RETURN 'defer' AS decision, count(d) AS times
UNION ALL
MATCH (:task_execution)-[r:RETRY_OF]->(:task_execution)
RETURN 'retry' AS decision, count(r) AS times
"""

Entries = list[dict[str, object]]


async def balance(service: TaskSchedulerService) -> tuple[Entries, Entries, bool]:
    """Return what was called for, what became of it, and whether the two sums agree.

    The moments are counted from the promises alone, with croniter; no scheduler and no graph is asked.
    """
    times = {str(row["decision"]): row["times"] for row in await service.cypher(_DECISIONS)}
    called = {
        "moments that the cron schedules name": _cron_moments(),
        "one-time moments": sum(each.schedule_cron is None for each in promises()),
        "cancelled in time": -_count(times, "cancel"),
        "deferred, so they came again": _count(times, "defer"),
        "run by hand": _count(times, "run_now"),
        "tried again after the crash": _count(times, "retry"),
    }
    became = {str(row["status"]): row["occurrences"] for row in await service.cypher(query("outcomes"))}
    settled = {status: count for status, count in became.items() if status != "running" and isinstance(count, int)}
    fires, outcomes = sum(called.values()), sum(settled.values())
    return (
        [{"called for": name, "": count} for name, count in [*called.items(), ("fires", fires)]],
        [{"became": name, "": count} for name, count in [*settled.items(), ("outcomes", outcomes)]],
        fires == outcomes and settled.keys() == became.keys(),
    )


def _cron_moments() -> int:
    """Count the moments of all cron schedules between the beginning and the end of the day."""
    begin, end = MONDAY.astimezone(BERLIN), at(MONDAY, "19:00")
    moments = 0
    for expression in [each.schedule_cron for each in promises() if each.schedule_cron]:
        fires = croniter(expression, begin - timedelta(seconds=1))
        while fires.get_next(type(begin)) <= end:
            moments += 1
    return moments


def _count(times: dict[str, object], decision: str) -> int:
    count = times.get(decision, 0)
    return count if isinstance(count, int) else 0
