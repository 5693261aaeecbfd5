"""`remembrancer retain`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from typer import Option

from remembrancer.cli.command import OnGraph
from remembrancer.errors import InvalidInput

_DAYS: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([dhw])")
_IN_DAYS: Final = {"h": 1 / 24, "d": 1.0, "w": 7.0}


@dataclass(frozen=True, kw_only=True)
class Retaining(OnGraph):
    """The options of `retain`."""

    keep: Annotated[str, Option(metavar="TIME", help="Executions that began later are kept: 90d, 12w, 36h.")]
    dry_run: Annotated[bool, Option("--dry-run", "-n", help="Say what would be done, and do nothing.")] = False


async def retain(asked: Retaining) -> None:
    """Roll up executions that are long over: one summary for each task and day is kept, and every count stays true.

    A running scheduler does it by itself with `Options(keep_executions_days=90)`. For example:

        remembrancer retain --keep 90d --dry-run
        remembrancer retain --keep 90d
    """
    from remembrancer.cli.printing import at_work, print_json, screen  # noqa: PLC0415 (--help stays fast)
    from remembrancer.cli.reach import reach  # noqa: PLC0415 (--help stays fast)
    from remembrancer.model.moment import to_iso  # noqa: PLC0415 (--help stays fast)

    days = _days(asked.keep)
    async with reach(asked.graph) as reached:
        with at_work("Rolling up"):
            done = await reached.scheduler.retain(days, dry_run=asked.dry_run)
    if asked.as_json:
        print_json({"dry_run": asked.dry_run, "retained": done})
        return
    said = "would be rolled up" if asked.dry_run else "rolled up"
    screen().print(
        f"{done.executions:,} executions ({done.occurrences:,} occurrences) from before {to_iso(done.before)} {said} "
        f"into {done.summaries:,} summaries.",
        highlight=False,
    )


def _days(text: str) -> float:
    found = _DAYS.fullmatch(text.strip())
    if found is None:
        raise InvalidInput("--keep", text, "a number and a unit: h, d or w", "90d")
    return float(found[1]) * _IN_DAYS[found[2]]
