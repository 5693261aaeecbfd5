"""`remembrancer halt` and `remembrancer release`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions

if TYPE_CHECKING:
    from remembrancer.model.halt import HaltState


@dataclass(frozen=True, kw_only=True)
class HaltOptions(GraphOptions):
    """The options of `halt`."""

    reason: Annotated[str, Argument(help="The reason, for people; it is recorded.", show_default=False)]
    stop_running: Annotated[bool, Option("--stop-running", help="Ask what runs to stop, too.")] = False


@dataclass(frozen=True, kw_only=True)
class ReleaseOptions(GraphOptions):
    """The options of `release`."""

    reason: Annotated[str | None, Option("--reason", help="The reason, for people.", show_default=False)] = None


async def halt(asked: HaltOptions) -> None:
    """Halt the scheduler: nothing begins, on any replica, until it is released. What runs goes on.

    The halt is in the graph: it holds for each scheduler of it, also after a restart. What falls due meanwhile stays
    due. `remembrancer status` shows the halt.

    For example:

        remembrancer halt "The mail server is being moved."
        remembrancer halt "It writes to the wrong people." --stop-running
    """
    from remembrancer.cli.connect import connect

    async with connect(asked.graph) as reached:
        state = await reached.scheduler.halt(asked.reason, stop_running=asked.stop_running)
    _print(state, as_json=asked.as_json)


async def release(asked: ReleaseOptions) -> None:
    """End the halt of the scheduler. What fell due meanwhile runs, once for each task.

    Of the occurrences that it held, the `misfire` of each task says how many run: one, unless it says otherwise. The
    others are recorded as missed, with the halt as their reason.

    For example:

        remembrancer release
        remembrancer release --reason "The mail server is back."
    """
    from remembrancer.cli.connect import connect

    async with connect(asked.graph) as reached:
        state = await reached.scheduler.release(asked.reason)
    _print(state, as_json=asked.as_json)


def _print(state: HaltState, *, as_json: bool) -> None:
    from remembrancer.cli.output import print_json, screen
    from remembrancer.cli.views.halts import halt_line

    if as_json:
        print_json(state)
        return
    screen().print(halt_line(state) or "The scheduler is not halted.", markup=False, highlight=False)
    for execution_id in state.stopping:
        screen().print(f"{execution_id} is asked to stop.", markup=False, highlight=False)
