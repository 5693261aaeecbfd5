"""`remembrancer calendar`: calendars with a name."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.calendar import MovedFires, NamedCalendar

_Name = Annotated[str, Argument(help="As `calendar list` shows it.")]
_Ics = Annotated[Path | None, Option("--ics", metavar="FILE", help="An iCalendar file.")]
_Dates = Annotated[list[str] | None, Option("--date", metavar="DATE", help="A date; may be given several times.")]
_MOST_BYTES = 5_000_000
_FEW = 10


@dataclass(frozen=True, kw_only=True)
class DefineCalendarOptions(GraphOptions):
    """The options of `calendar define`."""

    name: Annotated[str, Argument(help="The name, such as de.")]
    country: Annotated[str | None, Option("--holidays", metavar="COUNTRY", help="Public holidays, such as DE.")] = None
    subdivision: Annotated[str | None, Option(metavar="STATE", help="Of a state or province, such as BE.")] = None
    category: Annotated[list[str] | None, Option(help="A category of holidays; by default the public ones.")] = None
    ics: _Ics = None
    date: _Dates = None
    years: Annotated[int, Option(help="The years to work out, from the present one on.")] = 5
    timezone: Annotated[
        str | None, Option("--timezone", "-z", metavar="ZONE", help="The zone whose days they are.")
    ] = None


async def define(asked: DefineCalendarOptions) -> None:
    """Define a calendar: public holidays of a country, an iCalendar file, or dates.

    For example:

        remembrancer calendar define de --holidays DE --subdivision BE
        remembrancer calendar define team --ics team.ics
        remembrancer calendar define closed --date 2026-12-24 --date 2026-12-31
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json

    text = _text_of(asked.ics)
    async with connect(asked.graph, make=True) as reached:
        made = await reached.scheduler.define_calendar(
            asked.name,
            country=asked.country,
            subdivision=asked.subdivision,
            categories=asked.category,
            ics=text,
            dates=asked.date,
            years=asked.years,
            timezone=asked.timezone,
        )
    if asked.as_json:
        print_json(made)
    else:
        _print(made)


@dataclass(frozen=True, kw_only=True)
class RenewCalendarOptions(GraphOptions):
    """The options of `calendar renew`."""

    name: _Name
    ics: _Ics = None
    date: _Dates = None
    years: Annotated[int | None, Option(help="The years to work out; by default as before.")] = None
    dry_run: Annotated[bool, Option("--dry-run", help="Only show what would change.")] = False


async def renew(asked: RenewCalendarOptions) -> None:
    """Work a calendar out again, and arm the tasks that use it by what it says now.

    For example:

        remembrancer calendar renew de --dry-run
        remembrancer calendar renew team --ics team.ics
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen, when

    text = _text_of(asked.ics)
    async with connect(asked.graph) as reached:
        renewal = await reached.scheduler.renew_calendar(
            asked.name, ics=text, dates=asked.date, years=asked.years, dry_run=asked.dry_run
        )
    if asked.as_json:
        print_json(renewal)
        return
    _print(renewal)
    out = screen()
    for sign, dates in (("+", renewal.added), ("-", renewal.removed)):
        if dates:
            out.print(f"  {sign} {_few(dates)}", markup=False, highlight=False)
    would = "would move" if renewal.dry_run else "moved"
    out.print(f"  tasks that use it: {renewal.tasks}; {would}: {len(renewal.moved)}", highlight=False)
    for task in renewal.moved:
        was, will = (when(fire) if fire else "nothing" for fire in _first_moved(task))
        out.print(f"    {task.task_id}  {task.name}: {was} -> {will}", markup=False, highlight=False)


async def list_calendars(asked: GraphOptions) -> None:
    """List the calendars.

    For example:

        remembrancer calendar list
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table, row_table

    async with connect(asked.graph, reading=True) as reached:
        calendars = await reached.scheduler.list_calendars()
    if asked.as_json:
        print_json(calendars)
        return
    rows: list[dict[str, object]] = [
        {
            "name": each.name,
            "source": _source(each),
            "dates": len(each.dates),
            "until": each.last,
            "renewed_at": each.renewed_at,
        }
        for each in calendars
    ]
    print_table(row_table(rows), otherwise="No calendars.")


@dataclass(frozen=True, kw_only=True)
class OneCalendarOptions(GraphOptions):
    """The options of `calendar show` and `calendar remove`."""

    name: _Name


async def show_calendar(asked: OneCalendarOptions) -> None:
    """Show a calendar with its dates.

    For example:

        remembrancer calendar show de
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen

    async with connect(asked.graph, reading=True) as reached:
        calendar = await reached.scheduler.get_calendar(asked.name)
    if asked.as_json:
        print_json(calendar)
        return
    _print(calendar)
    for each in calendar.dates:
        screen().print(f"  {each}", markup=False, highlight=False)


async def remove(asked: OneCalendarOptions) -> None:
    """Remove a calendar that no open task uses.

    For example:

        remembrancer calendar remove de
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen

    async with connect(asked.graph) as reached:
        removed = await reached.scheduler.remove_calendar(asked.name)
    if asked.as_json:
        print_json({"name": asked.name, "removed": removed})
    else:
        screen().print(f"Calendar {asked.name} removed.", markup=False, highlight=False)


def _print(calendar: NamedCalendar) -> None:
    """Print a calendar in a line or two."""
    from remembrancer.cli.output import screen

    out = screen()
    out.print(f"{calendar.name}  {_source(calendar)}", style="bold", markup=False, highlight=False)
    zone = f" in {calendar.timezone}" if calendar.timezone else ""
    told = f"  {len(calendar.dates):,} days and windows{zone}, from {calendar.first} to {calendar.last}"
    out.print(f"{told}, version {calendar.version}", markup=False, highlight=False)


def _source(calendar: NamedCalendar) -> str:
    """Return the source of a calendar in words."""
    where = " ".join(each for each in (calendar.country, calendar.subdivision, *(calendar.categories or ())) if each)
    by = f" ({calendar.library})" if calendar.library else ""
    return f"{calendar.source}{f' {where}' if where else ''}{by}"


def _first_moved(task: MovedFires) -> tuple[datetime | None, datetime | None]:
    """Return the first fire that is another one, before and after."""
    pairs = zip_longest(task.before, task.after)
    return next(((was, will) for was, will in pairs if was != will), (None, None))


def _few(dates: Sequence[str]) -> str:
    more = f" and {len(dates) - _FEW} more" if len(dates) > _FEW else ""
    return f"{', '.join(dates[:_FEW])}{more}"


def _text_of(file: Path | None) -> str | None:
    """Return the text of an iCalendar file; one that is too large is not read."""
    if file is None:
        return None
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise InvalidInput("--ics", str(file), "a file of at most 5 MB", "team.ics")
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise InvalidInput("--ics", str(file), f"an iCalendar file in UTF-8: {fault}", "team.ics") from None
