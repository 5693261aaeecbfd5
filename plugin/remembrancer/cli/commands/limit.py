"""`remembrancer limit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions

if TYPE_CHECKING:
    from remembrancer.model.limit import ConcurrencyLimit


@dataclass(frozen=True, kw_only=True)
class LimitOptions(GraphOptions):
    """The options of `limit`."""

    key: Annotated[
        str | None,
        Argument(help="all, group:NAME, a concurrency key, or open:recurring and the like.", show_default=False),
    ] = None
    slots: Annotated[
        str | None,
        Argument(metavar="N", help="The most executions at once, or `none` for no limit.", show_default=False),
    ] = None
    rate: Annotated[
        str | None,
        Option(metavar="N/UNIT", help="How many may begin in a second, minute, hour or day.", show_default=False),
    ] = None
    burst: Annotated[
        int | None,
        Option(metavar="N", help="How many of these may begin at once; usually one.", show_default=False),
    ] = None


async def limit(asked: LimitOptions) -> None:
    """Limit how many executions run at once, or list the limits.

    A limit is of all tasks, of a group, or of a concurrency key. Without arguments, it lists the limits, who holds
    their slots, and how many tasks wait. What does not get a slot waits, and runs in its order. A rate bounds how many
    begin in a time; what is not given is not bounded.

    A quota limits how many tasks may be open: open, open:recurring, open:origin, open:agent.

    For example:

        remembrancer limit
        remembrancer limit database 3
        remembrancer limit group:reports 1
        remembrancer limit weather --rate 60/minute
        remembrancer limit weather 5 --rate 1000/hour --burst 20
        remembrancer limit open:recurring 100
        remembrancer limit all none
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table, row_table
    from remembrancer.errors import InvalidInput

    slots = None if asked.slots in {None, "none"} else asked.slots
    if slots is not None and not slots.isdecimal():
        raise InvalidInput("slots", slots, "a whole number, or `none` for no limit", 3)
    if asked.key is None and (asked.rate is not None or asked.burst is not None):
        raise InvalidInput("key", None, "the limit whose rate is meant", "weather")
    async with connect(asked.graph, make=asked.key is not None) as reached:
        if asked.key is None:
            found = await reached.scheduler.list_limits()
        elif asked.slots is None and asked.rate is None:
            raise InvalidInput("slots", None, "a whole number, or `none` for no limit, or a rate", 3)
        else:
            number = None if slots is None else int(slots)
            found = [await reached.scheduler.set_limit(asked.key, number, asked.rate, asked.burst)]
    if asked.as_json:
        print_json(found if asked.key is None else found[0])
        return
    print_table(row_table([_row(each) for each in found]))


def _row(limit: ConcurrencyLimit) -> dict[str, object]:
    return {
        "limit": limit.key,
        "slots": "any number" if limit.slots is None else limit.slots,
        "rate": limit.rate or "",
        "taken": limit.taken,
        "waiting": limit.waiting or "",
        "held by": ", ".join(dict.fromkeys(held.task or held.execution_id for held in limit.holders[:5])),
    }
