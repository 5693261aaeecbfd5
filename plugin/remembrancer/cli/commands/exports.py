"""`remembrancer export`: tasks in the forms of other systems."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import ReadersZone  # noqa: TC001 (typer reads the annotations)
from remembrancer.errors import InvalidInput


@dataclass(frozen=True, kw_only=True)
class CalendarOptions(GraphOptions):
    """The options of `export ical`."""

    since: Annotated[str | None, Option("--from", metavar="TIME", help="From this time on; default now.")] = None
    until: Annotated[str | None, Option("--to", metavar="TIME", help="Up to this time; default after --days.")] = None
    days: Annotated[int | None, Option(min=1, max=1830, help="The length of the span in days; default 30.")] = None
    timezone: ReadersZone = "UTC"
    history: Annotated[
        bool, Option("--history", help="With what happened, and its outcome; without --from, the same days back too.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class CrontabExportOptions(GraphOptions):
    """The options of `export crontab`."""

    system: Annotated[bool, Option("--system", help="Lines name their user, as in /etc/cron.d.")] = False


async def ical(asked: CalendarOptions) -> None:
    """Print what comes as a calendar, one event for each fire, for any program that reads iCalendar.

    An event keeps its id: importing a later export again moves and completes events. At most 5,000 fires, the first,
    and 5,000 executions, the last, are in it.

    For example:

        remembrancer export ical --days 90 > tasks.ics
        remembrancer export ical --history --from 2027-01-01T00:00 --to 2027-02-01T00:00 -z Europe/Berlin > january.ics
    """
    from remembrancer.cli.connect import connect

    since, until = _span(asked)
    async with connect(asked.graph, reading=True) as reached:
        text = await reached.scheduler.export_calendar(since, until, history=asked.history)
    _print("calendar", text, as_json=asked.as_json)


async def crontab(asked: CrontabExportOptions) -> None:
    """Print the recurring tasks with commands as a crontab, which `import crontab` reads back.

    A task that cron cannot do is a comment with the reason. Cron knows no misfires, retries or deadlines.

    For example:

        remembrancer export crontab > crontab.txt
        remembrancer export crontab --system > /etc/cron.d/agent
    """
    from remembrancer.cli.connect import connect

    async with connect(asked.graph, reading=True) as reached:
        text = await reached.scheduler.export_crontab(system=asked.system)
    _print("crontab", text, as_json=asked.as_json)


def _span(asked: CalendarOptions) -> tuple[str, str]:
    """Return the times of a calendar. Raises InvalidInput: one is wrong, or the end is given twice."""
    from remembrancer.schedules.parsing import read_moment, read_zone

    if asked.until is not None and asked.days is not None:
        raise InvalidInput("--days", asked.days, "--to or --days, not both", None)
    zone = read_zone(asked.timezone, "--zone")
    length, now = timedelta(days=asked.days or 30), datetime.now(UTC)
    if asked.since is None:
        start, end = now - length if asked.history else now, now + length
    else:
        start = read_moment(asked.since, "--from", now=now, timezone=zone)
        end = start + length
    if asked.until is not None:
        end = read_moment(asked.until, "--to", now=now, timezone=zone)
    return start.isoformat(), end.isoformat()


def _print(name: str, text: str, *, as_json: bool) -> None:
    """Print a text as it is: the line ends of a calendar are those of RFC 5545."""
    from remembrancer.cli.output import print_json

    if as_json:
        print_json({name: text})
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
