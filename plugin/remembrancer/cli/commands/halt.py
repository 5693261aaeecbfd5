"""`remembrancer halt`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions


@dataclass(frozen=True, kw_only=True)
class HaltOptions(GraphOptions):
    """The options of `halt`."""

    reason: Annotated[str, Argument(help="The reason, for people; it is recorded.", show_default=False)]
    stop_running: Annotated[bool, Option("--stop-running", help="Ask what runs to stop, too.")] = False


async def halt(asked: HaltOptions) -> None:
    """Halt the scheduler: nothing begins, on any replica, until it is released. What runs goes on.

    The halt is in the graph: it holds for each scheduler of it, also after a restart. What falls due meanwhile stays
    due. `remembrancer status` shows the halt.

    For example:

        remembrancer halt "The mail server is being moved."
        remembrancer halt "It writes to the wrong people." --stop-running
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.views.halts import print_state

    async with connect(asked.graph) as reached:
        state = await reached.scheduler.halt(asked.reason, stop_running=asked.stop_running)
    print_state(state, as_json=asked.as_json)
