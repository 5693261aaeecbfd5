"""`remembrancer circuit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions

if TYPE_CHECKING:
    from remembrancer.model.limit import ConcurrencyLimit


@dataclass(frozen=True, kw_only=True)
class CircuitOptions(GraphOptions):
    """The options of `circuit`."""

    key: Annotated[str | None, Argument(help="The circuit key of tasks.", show_default=False)] = None
    opens_after: Annotated[
        int | None,
        Option(metavar="N", help="The failures in a row that open it; 5 unless given.", show_default=False),
    ] = None
    open_seconds: Annotated[
        float | None,
        Option(metavar="SECONDS", help="The time from one trial to the next; 60 unless given.", show_default=False),
    ] = None
    reset: Annotated[bool, Option("--reset", help="Close it at once, and forget its failures.")] = False


async def circuit(asked: CircuitOptions) -> None:
    """Set or reset the circuit of a service that tasks share, or list the circuits.

    Failures in a row of the tasks with one circuit key open it: what uses the service waits. Then one execution tries
    the service, and if it completes, the circuit closes and the others run.

    For example:

        remembrancer circuit
        remembrancer circuit github --opens-after 3 --open-seconds 120
        remembrancer circuit github --reset
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table, row_table
    from remembrancer.errors import InvalidInput
    from remembrancer.model.circuit import CIRCUIT, OPEN_SECONDS, OPENS_AFTER

    sets = asked.opens_after is not None or asked.open_seconds is not None
    if asked.key is None and (sets or asked.reset):
        raise InvalidInput("key", None, "the circuit that is meant", "github")
    if asked.reset and sets:
        raise InvalidInput("reset", asked.reset, "either --reset, or --opens-after and --open-seconds", "--reset")
    async with connect(asked.graph, make=sets) as reached:
        if asked.key is not None and asked.reset:
            found = [await reached.scheduler.reset_circuit(asked.key)]
        elif asked.key is None or not sets:
            found = [each for each in await reached.scheduler.list_limits() if each.circuit is not None]
            if asked.key is not None:
                found = [each for each in found if each.key == CIRCUIT + asked.key]
        else:
            after = OPENS_AFTER if asked.opens_after is None else asked.opens_after
            seconds = OPEN_SECONDS if asked.open_seconds is None else asked.open_seconds
            found = [await reached.scheduler.set_circuit(asked.key, after, seconds)]
    if asked.as_json:
        print_json(found if asked.key is None else next(iter(found), None))
        return
    none = "No circuits yet." if asked.key is None else "No such circuit yet."
    print_table(row_table([_row(each) for each in found]), otherwise=none)


def _row(limit: ConcurrencyLimit) -> dict[str, object]:
    from remembrancer.model.circuit import CIRCUIT, Circuit
    from remembrancer.model.timestamps import to_iso

    state = limit.circuit or Circuit()
    return {
        "circuit": limit.key.removeprefix(CIRCUIT),
        "state": "closed" if state.open_since is None else "open",
        "failures": f"{state.failures} of {state.opens_after}",
        "since": "" if state.open_since is None else to_iso(state.open_since),
        "next trial": "" if state.trial_at is None else to_iso(state.trial_at),
        "waiting": limit.waiting or "",
        "last failure": state.last_failure or "",
    }
