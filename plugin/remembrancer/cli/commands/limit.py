"""`remembrancer limit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    A limit is of all tasks, of a group, or of a concurrency key. Without a number or a rate, it lists the limits, or
    the one that is named: who holds their slots, and how many tasks wait. What does not get a slot waits, and runs in
    its order. A rate bounds how many begin in a time; what is not given is not bounded.

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
    from remembrancer.errors import InvalidInput
    from remembrancer.model.limit import read_limit_key

    slots = None if asked.slots in {None, "none"} else asked.slots
    if slots is not None and not slots.isdecimal():
        raise InvalidInput("slots", slots, "a whole number, or `none` for no limit", 3)
    if asked.key is None and (asked.rate is not None or asked.burst is not None):
        raise InvalidInput("key", None, "the limit whose rate is meant", "weather")
    sets = asked.slots is not None or asked.rate is not None
    if asked.burst is not None and not sets:
        raise InvalidInput("burst", asked.burst, "a number beside --rate", "--rate 60/minute --burst 5")
    async with connect(asked.graph, make=sets) as reached:
        if asked.key is None or not sets:
            key = None if asked.key is None else read_limit_key(asked.key)
            limits = await reached.scheduler.list_limits()
            found = [each for each in limits if each.circuit is None and key in {None, each.key}]
        else:
            number = int(slots) if slots else None
            found = [await reached.scheduler.set_limit(asked.key, number, asked.rate, asked.burst)]
    _print(asked, found)


def _print(asked: LimitOptions, found: Sequence[ConcurrencyLimit]) -> None:
    from remembrancer.cli.output import print_json, print_table, row_table

    if asked.as_json:
        print_json(found if asked.key is None else next(iter(found), None))
        return
    none = "No limits." if asked.key is None else "No such limit was set."
    print_table(row_table([_row(each) for each in found]), otherwise=none)


def _row(limit: ConcurrencyLimit) -> dict[str, object]:
    return {
        "limit": limit.key,
        "slots": "any number" if limit.slots is None else limit.slots,
        "rate": limit.rate or "",
        "taken": limit.taken,
        "waiting": limit.waiting or "",
        "held by": ", ".join(dict.fromkeys(held.task or held.execution_id for held in limit.holders[:5])),
    }
