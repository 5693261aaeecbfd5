"""`remembrancer preview`: what a schedule means, and its next fires."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, cast

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import Zone  # noqa: TC001 (typer reads the annotations)
from remembrancer.cli.schedule_options import FIRES, KIND_OPTIONS, SCHEDULE_WORDS, schedule_of
from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold, Gap, SecondsField

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remembrancer.operations.ahead.preview import SchedulePreview


@dataclass(frozen=True, kw_only=True)
class _OwnOptions(GraphOptions):
    """The options of `preview` that are its own."""

    schedule_cron: Annotated[
        str | None, Argument(metavar="[EXPR]", help="A cron expression, such as '0 9 * * mon-fri'.")
    ] = None
    schedule: Annotated[str | None, Option(metavar="JSON", help="A schedule of any kind, as JSON.")] = None
    timezone: Zone = None
    after: Annotated[str | None, Option(metavar="TIME", help="Only fires after this time; default now.")] = None
    gap: Annotated[Gap, Option(help="Policy for a wall time that a clock change skips.")] = Gap.RUN_AFTER
    fold: Annotated[Fold, Option(help="Policy for a wall time that a clock change repeats.")] = Fold.FIRST
    seconds_field: Annotated[SecondsField | None, Option(help="Position of the seconds in a six-field expression.")] = (
        None
    )
    year: Annotated[bool, Option("--year", help="A picture of twelve months, with the fires of each day.")] = False


PreviewOptions: Final[type[GraphOptions]] = make_dataclass(
    "PreviewOptions",
    [*SCHEDULE_WORDS, FIRES],
    bases=(_OwnOptions,),
    namespace={"__doc__": "The options of `preview`.", "__module__": __name__},
    frozen=True,
    kw_only=True,
)


async def preview(asked: GraphOptions) -> None:
    """Show what a schedule means: words, next fires, effects of clock changes, and points to be careful about.

    For example:

        remembrancer preview "0 9 * * mon-fri" --timezone Europe/Berlin
        remembrancer preview "30 2 * * *" -z Europe/Berlin --after 2027-03-26T00:00:00Z --gap skip
        remembrancer preview --workdays last --time 17:00 --until 2027-12-31 --year
        remembrancer preview --every 90m --fires 3 --json
        remembrancer preview --workdays last --holidays team --time 17:00

    It opens the graph only for a schedule that names calendars or tasks.
    """
    from remembrancer.cli.output import print_json, screen
    from remembrancer.cli.views.year import fires_of_year, print_year
    from remembrancer.surfaces.jsonable import to_jsonable

    typed, now = vars(asked), datetime.now(UTC)
    shown = await _shown(asked.graph, _schedule(typed), typed, now)
    days = fires_of_year(shown, typed["after"], now) if typed["year"] else None
    if asked.as_json:
        counts = {} if days is None else {"days": {f"{day}": count for day, count in days.items() if count}}
        print_json({**cast("dict[str, object]", to_jsonable(shown)), **counts})
        return
    screen().print(shown.description, style="bold", markup=False, highlight=False)
    if days is None:
        _print_fires(shown)
    else:
        print_year(days)
    for warning in shown.warnings:
        screen().print(f"warning: {warning}", markup=False, highlight=False)


async def _shown(
    graph: str, schedule: Mapping[str, object], typed: Mapping[str, object], now: datetime
) -> SchedulePreview:
    """Return the preview of a schedule; the graph is opened for one that names calendars or tasks."""
    from remembrancer.cli.connect import connect
    from remembrancer.operations.ahead.preview import previewed
    from remembrancer.operations.requested_schedule import value_given
    from remembrancer.schedules.references import references_in

    after, fires = cast("str | None", typed["after"]), cast("int", typed["fires"])
    value = value_given(schedule)
    if not references_in(value).are_any:
        return previewed(schedule, after, fires, now)
    async with connect(graph, reading=True) as reached:
        return await reached.scheduler.preview_schedule(value, after, fires)


def _schedule(typed: Mapping[str, object]) -> Mapping[str, object]:
    """Return the schedule that is asked for. Raises InvalidInput: none is."""
    from remembrancer.cli.commands.schedule import object_of

    held = object_of("schedule", cast("str | None", typed["schedule"]))
    if typed["schedule_cron"] is None and held is None and not any(typed[name] for name, _, _ in SCHEDULE_WORDS):
        allowed = f"a cron expression, or one of {KIND_OPTIONS}, --schedule"
        raise InvalidInput("EXPR", None, allowed, "remembrancer preview '0 9 * * mon-fri'")
    made = schedule_of(typed, held)
    if made is not None:
        return made
    given = {name: typed[name] for name in ("timezone", "gap", "fold", "seconds_field") if typed[name] is not None}
    return {"kind": "cron", "expression": typed["schedule_cron"], **given}


def _print_fires(shown: SchedulePreview) -> None:
    from remembrancer.cli.output import print_table, row_table

    print_table(row_table([{"at": fire.at, "local": fire.local, "note": fire.note} for fire in shown.fires]))
