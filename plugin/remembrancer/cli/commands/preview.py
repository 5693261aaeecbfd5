"""`remembrancer preview`: the next fires of a cron expression."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from typer import Argument, Option

from remembrancer.cli.command import CommandOptions
from remembrancer.cli.options import Zone, moment
from remembrancer.model.policy import Fold, Gap, SecondsField


@dataclass(frozen=True, kw_only=True)
class PreviewOptions(CommandOptions):
    """The options of `preview`."""

    expression: Annotated[str, Argument(metavar="EXPR", help="A cron expression, such as '0 9 * * mon-fri'.")]
    timezone: Zone = None
    count: Annotated[int, Option("--count", "-n", help="Number of fires, 1 to 1000.")] = 5
    after: Annotated[str | None, Option(metavar="TIME", help="Only fires after this time; default now.")] = None
    gap: Annotated[Gap, Option(help="Policy for a wall time that a clock change skips.")] = Gap.RUN_AFTER
    fold: Annotated[Fold, Option(help="Policy for a wall time that a clock change repeats.")] = Fold.FIRST
    seconds_field: Annotated[SecondsField | None, Option(help="Position of the seconds in a six-field expression.")] = (
        None
    )


async def preview(asked: PreviewOptions) -> None:
    """Show the next fires of a cron expression, and the effects of clock changes.

    For example:

        remembrancer preview "0 9 * * mon-fri" --timezone Europe/Berlin
        remembrancer preview "30 2 * * *" -z Europe/Berlin --after 2027-03-26T00:00:00Z --gap skip
        remembrancer preview "*/10 * * * * *" --seconds-field first --count 3 --json
    """
    from remembrancer.cli.output import print_json, print_table, row_table
    from remembrancer.model.timestamps import to_ms
    from remembrancer.schedules.parsing import read_moment
    from remembrancer.schedules.preview import preview as next_fires, read_expression

    now = datetime.now(UTC)
    zone = asked.timezone or "UTC"
    after = now if asked.after is None else read_moment(moment(asked.after, "after"), "after", now=now, timezone=zone)
    cron = read_expression(
        asked.expression, timezone=zone, gap=asked.gap, fold=asked.fold, seconds_field=asked.seconds_field
    )
    rows: list[dict[str, object]] = [
        {"at": fire.at, "local": fire.local.isoformat(), "note": fire.note}
        for fire in next_fires(cron, to_ms(after), asked.count)
    ]
    if asked.as_json:
        print_json(rows)
    else:
        print_table(row_table(rows))
