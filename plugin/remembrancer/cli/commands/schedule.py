"""`remembrancer schedule`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, cast

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import Zone, moment, moment_in
from remembrancer.errors import InvalidInput
from remembrancer.model.json_bounds import DEPTH, JsonTooDeep, RepeatedKey, read_json
from remembrancer.model.policy import Fold, Gap, Misfire, OnLost, SecondsField

if TYPE_CHECKING:
    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.task import ScheduleResult

_WHEN: Final = "When"
_FAULTS: Final = "When something goes wrong"


@dataclass(frozen=True, kw_only=True)
class ScheduleOptions(GraphOptions):
    """The options of `schedule`."""

    name: Annotated[str, Argument(help="What people call the task.")]
    prompt: Annotated[str, Option("--prompt", "-p", help="What the handler is given when the task fires.")]
    goal: Annotated[str | None, Option(help="What it is for; else the name.")] = None
    defer_until: Annotated[
        str | None,
        Option("--defer-until", "--at", metavar="MOMENT", help="ISO-8601 with a zone.", rich_help_panel=_WHEN),
    ] = None
    wait: Annotated[
        str | None,
        Option("--in", metavar="WAIT", help="From now: 90s, 10m, 2h, 1d, 1w.", rich_help_panel=_WHEN),
    ] = None
    schedule_cron: Annotated[
        str | None,
        Option("--schedule-cron", "--cron", metavar="EXPR", help="Again and again.", rich_help_panel=_WHEN),
    ] = None
    timezone: Zone = None
    gap: Annotated[Gap, Option(help="For a wall time that a clock change leaves out.", rich_help_panel=_WHEN)] = (
        Gap.RUN_AFTER
    )
    fold: Annotated[Fold, Option(help="For a wall time that a clock change repeats.", rich_help_panel=_WHEN)] = (
        Fold.FIRST
    )
    seconds: Annotated[
        SecondsField | None,
        Option(help="Where a six-field expression keeps its seconds.", rich_help_panel=_WHEN),
    ] = None
    misfire: Annotated[Misfire, Option(help="For runs found too late.", rich_help_panel=_FAULTS)] = Misfire.RUN_ONCE
    on_lost: Annotated[OnLost, Option(help="For a run whose scheduler died.", rich_help_panel=_FAULTS)] = OnLost.FAIL
    max_attempts: Annotated[int, Option(help="How often one run is tried.", rich_help_panel=_FAULTS)] = 3
    timeout_seconds: Annotated[
        float | None,
        Option("--timeout", help="How long the handler may take, seconds.", rich_help_panel=_FAULTS),
    ] = None
    dedup_key: Annotated[str | None, Option(help="Scheduling again under the same key changes nothing.")] = None
    thought: Annotated[str, Option(help="The thought that asks for it.")] = "command_line"
    context: Annotated[str | None, Option(metavar="JSON", help="Any JSON object for the handler.")] = None

    def request(self) -> ScheduleRequest:
        """Return what the scheduler takes."""
        from remembrancer.model.request import ScheduleRequest

        return ScheduleRequest(
            name=self.name,
            goal_description=self.goal or self.name,
            trigger_prompt=self.prompt,
            origin_thought_id=self.thought,
            defer_until=_moment(self.defer_until, self.wait),
            schedule_cron=self.schedule_cron,
            timezone=self.timezone,
            gap=self.gap,
            fold=self.fold,
            seconds=self.seconds,
            misfire=self.misfire,
            on_lost=self.on_lost,
            max_attempts=self.max_attempts,
            timeout_seconds=self.timeout_seconds,
            dedup_key=self.dedup_key,
            context=_object(self.context),
        )


async def schedule(asked: ScheduleOptions) -> None:
    """Schedule a task: once, again and again, or again and again from a moment on.

    It fires while `remembrancer serve` runs. For example:

        remembrancer schedule "Call back" --at 2026-12-01T09:00:00+01:00 --prompt "Call Ada back."
        remembrancer schedule "Stand-up" --cron "0 9 * * mon-fri" -z Europe/Berlin --prompt "Write the notes."
        remembrancer schedule "Water the plants" --in 10s --prompt "Water them." --json

    `remembrancer preview` shows beforehand what a cron expression means.
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json

    request = asked.request()
    async with connect(asked.graph, make=True) as reached:
        (reply,) = await reached.scheduler.schedule_tasks([request])
    if asked.as_json:
        print_json(reply)
    else:
        print_reply(reply, fires=reached.fires)


def print_reply(reply: ScheduleResult, *, fires: bool) -> None:
    """Tell a person when a task will fire, and what there is to know about it."""
    from remembrancer.cli.output import screen, when

    out = screen()
    out.print(f"{reply.task_id}  {reply.name}", style="bold", markup=False, highlight=False)
    for fire in reply.next_fires:
        out.print(f"  fires at {when(fire)}", highlight=False)
    for note in reply.notes:
        out.print(f"  note: {note}", markup=False, highlight=False)
    if not fires:
        out.print("  It fires while `remembrancer serve` runs on this graph.", highlight=False)


def _moment(defer_until: str | None, wait: str | None) -> str | None:
    if defer_until is not None and wait is not None:
        raise InvalidInput("--in", wait, "--in or --defer-until, not both", "10m")
    if wait is not None:
        return moment_in(wait, "--in")
    return None if defer_until is None else moment(defer_until, "defer_until")


def _object(text: str | None) -> dict[str, object] | None:
    if text is None:
        return None
    try:
        value = read_json(text)
    except JsonTooDeep as deep:
        raise InvalidInput("context", text, f"a JSON object, at most {DEPTH} levels deep", '{"room": "hall"}') from deep
    except RepeatedKey as repeated:
        allowed = f"a JSON object with {RepeatedKey.allowed}; {repeated}"
        raise InvalidInput("context", text, allowed, '{"room": "hall"}') from repeated
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidInput("context", text, "a JSON object", '{"room": "hall"}')
    return cast("dict[str, object]", value)
