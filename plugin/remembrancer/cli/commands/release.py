"""`remembrancer release`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from remembrancer.cli.command import GraphOptions


@dataclass(frozen=True, kw_only=True)
class ReleaseOptions(GraphOptions):
    """The options of `release`."""

    reason: Annotated[str | None, Option("--reason", help="The reason, for people.", show_default=False)] = None


async def release(asked: ReleaseOptions) -> None:
    """End the halt of the scheduler. What fell due meanwhile runs, once for each task.

    Of the occurrences that it held, the `misfire` of each task says how many run: one, unless it says otherwise. The
    others are recorded as missed, with the halt as their reason.

    For example:

        remembrancer release
        remembrancer release --reason "The mail server is back."
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.views.halts import print_state

    async with connect(asked.graph) as reached:
        state = await reached.scheduler.release(asked.reason)
    print_state(state, as_json=asked.as_json)
