"""`remembrancer schedule`."""

from __future__ import annotations

from dataclasses import make_dataclass, replace
from typing import TYPE_CHECKING, Annotated, Final, cast

from typer import Argument, BadParameter, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.schedule_options import (
    FIRES,
    IN_THE_SCHEDULE,
    REACTION_WORDS,
    SCHEDULE_WORDS,
    reaction_of,
    schedule_of,
)
from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import label_form
from remembrancer.model.field_definition import FieldDefinition, FieldGroup, JsonObject, Seconds
from remembrancer.model.json_bounds import DEPTH, JsonTooDeep, RepeatedKey, read_json
from remembrancer.model.limit import read_key_limit, read_limit_key
from remembrancer.model.request import DEFAULTS, TASK_FIELDS, ScheduleRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from typer.models import OptionInfo

    from remembrancer.model.task import ScheduleResult
    from remembrancer.service.service import SchedulerService

    OptionField = tuple[str, object] | tuple[str, object, object]

_FLAGS: Final = {
    "goal_description": ("--goal",),
    "trigger_prompt": ("--prompt", "-p"),
    "origin_thought_id": ("--thought",),
    "defer_until": ("--defer-until", "--at"),
    "schedule_cron": ("--schedule-cron", "--cron"),
    "timezone": ("--timezone", "-z"),
    "timeout_seconds": ("--timeout",),
    "misfire_age_seconds": ("--misfire-age",),
    "deadline_seconds": ("--deadline",),
    "tags": ("--tag",),
}
"""The options of the fields that are not named as the field."""
_DEFAULTS: Final = {
    "name": None,
    "goal_description": None,
    "trigger_prompt": None,
    "origin_thought_id": "command_line",
}
"""The defaults of the command line: the goal is the name unless given, and a template has a name and a prompt."""
_EXISTING: Final = "existing: the task was there already, and nothing was written"
_UNCHANGED: Final = "unchanged: nothing was written"
_NEEDED: Final = {"name": "NAME", "trigger_prompt": "--prompt"}
WAIT: Final = Annotated[
    str | None,
    Option("--in", metavar="WAIT", help="From now: 90s, 10m, 2h, 1d, 1w.", rich_help_panel=FieldGroup.WHEN),
]


TEMPLATE: Final = (
    ("template", Annotated[str | None, Option("--template", metavar="NAME", help="Make it from this template.")], None),
    (
        "values",
        Annotated[
            list[str] | None,
            Option("--set", metavar="PARAMETER=VALUE", help="A value for the template; may be given several times."),
        ],
        None,
    ),
)
"""The options that make a task from a template."""
LIMIT: Final = Annotated[
    str | None,
    Option(
        "--limit",
        metavar="KEY=N",
        help="Set the limit of a concurrency key to N, and give the task this key.",
        rich_help_panel=FieldGroup.BUSY,
    ),
]


def flags_of(name: str) -> tuple[str, ...]:
    """Return the options that a field of a request is typed with; none for the name, which is an argument."""
    return () if name == "name" else _FLAGS.get(name, (f"--{name.replace('_', '-')}",))


def option_of(flags: tuple[str, ...], field: FieldDefinition) -> OptionInfo:
    """Return the option of a field, as its definition describes it."""
    panel = None if field.group is FieldGroup.TASK else field.group.value
    parser = _seconds if isinstance(field, Seconds) else None
    option = Option(*flags, metavar=field.metavar, help=field.description, rich_help_panel=panel, parser=parser)
    return cast("OptionInfo", option)


def _seconds(typed: str | float) -> float:
    """Return seconds, typed as a number or as a length of time. Raises BadParameter."""
    from remembrancer.schedules.value_fields import read_length

    try:
        return float(typed)
    except ValueError:
        pass
    try:
        return read_length(typed, "", "")
    except InvalidInput:
        raise BadParameter(f"{typed!r} is neither a number of seconds nor a length such as 90s, 10m or 2h.") from None


def _option(name: str, field: FieldDefinition) -> OptionField:
    """Return a field of a request as a field of the command's options."""
    defaults = {**DEFAULTS, **_DEFAULTS}
    typed = field.typed if defaults.get(name, ...) is not None else field.typed | None
    if not (flags := flags_of(name)):
        return name, Annotated[typed, Argument(help=field.description)], defaults[name]
    option = option_of(flags, field)
    return (name, Annotated[typed, option], defaults[name]) if name in defaults else (name, Annotated[typed, option])


ScheduleOptions: Final[type[GraphOptions]] = make_dataclass(
    "ScheduleOptions",
    [
        *(_option(name, field) for name, field in TASK_FIELDS.items()),
        ("wait", WAIT, None),
        *SCHEDULE_WORDS,
        *REACTION_WORDS,
        *TEMPLATE,
        FIRES,
        ("limit", LIMIT, None),
    ],
    bases=(GraphOptions,),
    namespace={"__doc__": "The options of `schedule`: one for each field of a request.", "__module__": __name__},
    frozen=True,
    kw_only=True,
)


def to_request(asked: GraphOptions) -> ScheduleRequest:
    """Return the request that the options of `schedule` make."""
    given = values_of(asked, TASK_FIELDS)
    for name, flag in _NEEDED.items():
        if given[name] is None:
            allowed = f"{TASK_FIELDS[name].kind}, unless --template names one that has it"
            raise InvalidInput(flag, None, allowed, TASK_FIELDS[name].example)
    given["goal_description"] = given["goal_description"] or given["name"]
    return ScheduleRequest(**given)  # pyright: ignore[reportArgumentType]  by the table


def values_set(typed: Sequence[str] | None, template: str | None) -> dict[str, str]:
    """Return the values that `--set` gives to a template. Raises InvalidInput."""
    example = "remembrancer schedule --template report --set topic=sales"
    if typed and template is None:
        raise InvalidInput("--set", typed[0], "a value beside --template", example)
    found: dict[str, str] = {}
    for each in typed or ():
        name, sign, value = each.partition("=")
        if not sign or name in found:
            raise InvalidInput("--set", each, "PARAMETER=VALUE, each parameter once", "topic=sales")
        found[name] = value
    return found


def overrides_of(asked: GraphOptions) -> dict[str, object]:
    """Return the fields that take the place of those of a template: those that were typed."""
    given, defaults = values_of(asked, TASK_FIELDS), {**DEFAULTS, **_DEFAULTS}
    return {name: value for name, value in given.items() if value is not None and value != defaults[name]}


def values_of(asked: GraphOptions, names: Iterable[str]) -> dict[str, object]:
    """Return the values of fields of a request, as they were typed."""
    typed = vars(asked)
    given: dict[str, object] = {name: typed[name] for name in names}
    given["defer_until"] = moment_of(typed["defer_until"], typed["wait"])
    for name in (each for each in given if isinstance(TASK_FIELDS[each], JsonObject)):
        given[name] = object_of(name, typed[name])
    typed = {**typed, "cue_parameters": object_of("cue_parameters", typed["cue_parameters"])}
    if reaction := reaction_of(typed, given["schedule"]):
        made = schedule_of({**typed, **dict.fromkeys(reaction.keys() & {"every"})}, reaction, str(reaction["kind"]))
    else:
        made = schedule_of(typed, given["schedule"])
    if made is not None and made is not given["schedule"]:
        given |= {name: DEFAULTS[name] for name in IN_THE_SCHEDULE} | {"schedule": made}
    return given


async def schedule(asked: GraphOptions) -> None:
    """Schedule a task: at a time, by a cron expression or another schedule, or by one that begins at a time.

    It fires while `remembrancer serve` runs. For example:

        remembrancer schedule "Call back" --at 2026-12-01T09:00:00+01:00 --prompt "Call Ada back."
        remembrancer schedule "Stand-up" --cron "0 9 * * mon-fri" -z Europe/Berlin --prompt "Write the notes."
        remembrancer schedule "Publish" --after TASK --delay 5m --prompt "Publish the report."
        remembrancer schedule "Comfort" --cue "MATCH (n:thought {mood: 'sad'}) RETURN n" --prompt "Say something kind."
        remembrancer schedule "Watch the build" --paced 5m..1d --prompt "Look at the build."
        remembrancer schedule "Water the plants" --in 10s --prompt "Water them." --json
        remembrancer schedule "Invoices" --workdays last --time 17:00 --until 2027-12-31 --prompt "Send them."
        remembrancer schedule "Greetings" --on team --time 09:00 -z Europe/Berlin --prompt "Send greetings."
        remembrancer schedule --template report --set topic=sales
        remembrancer schedule "Brief" --cron "0 9 * * *" --prompt "Sum up." --deadline 2h --retry "exponential 30s..10m"
        remembrancer schedule "Read the notes" --follow TASK_ID --by -15m --prompt "Read the notes of the last one."

    `remembrancer preview` shows what a schedule means. A time is ISO-8601, or from now: `in 2h`; seconds may be `10m`.
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.task_ids import with_whole_ids
    from remembrancer.cli.views.pauses import pause_of_all

    typed = vars(asked)
    limited, asked = _limit_of(asked)
    template, fires = cast("str | None", typed["template"]), cast("int", typed["fires"])
    values = values_set(typed["values"], template)
    if template is None:
        to_request(asked)  # a wrong option is refused before a graph is made
    async with connect(asked.graph, make=True) as reached:
        asked = await with_whole_ids(reached, asked)
        if limited:
            await _set_slots(reached.scheduler, *limited)
        if template is None:
            (reply,) = await reached.scheduler.schedule_tasks([to_request(asked)], fires=fires)
        else:
            reply = await reached.scheduler.schedule_from_template(template, values, overrides_of(asked), fires=fires)
        if not asked.as_json and (held := await pause_of_all(reached, reply.task_id)):
            reply = reply.model_copy(update={"warnings": [*reply.warnings, held]})
    _tell(reply, as_json=asked.as_json, fires=reached.fires)


def _tell(reply: ScheduleResult, *, as_json: bool, fires: bool) -> None:
    from remembrancer.cli.output import print_json

    if as_json:
        print_json(reply)
    else:
        print_reply(reply, fires=fires)


def _limit_of(asked: GraphOptions) -> tuple[tuple[str, int] | None, GraphOptions]:
    """Return the limit that `--limit` sets, and the options with its concurrency key. Raises InvalidInput."""
    if (typed := cast("str | None", vars(asked)["limit"])) is None:
        return None, asked
    limited = read_key_limit(typed)
    if (key := cast("str | None", vars(asked)["concurrency_key"])) is not None and label_form(key) != limited[0]:
        allowed = "the limit of the task's own concurrency key; `remembrancer limit` sets any other"
        raise InvalidInput("limit", typed, allowed, f"{key}={limited[1]}")
    return limited, replace(asked, concurrency_key=limited[0])  # pyright: ignore[reportCallIssue]  one of its fields


async def _set_slots(scheduler: SchedulerService, word: str, slots: int) -> None:
    """Set the slots of a concurrency key; a rate that it has stays."""
    former = next((each for each in await scheduler.list_limits() if each.key == read_limit_key(word)), None)
    rate, burst = (former.rate, former.burst) if former else (None, None)
    await scheduler.set_limit(word, slots, rate, burst)


def print_reply(reply: ScheduleResult, *, fires: bool) -> None:
    """Print for a person whether anything was written, when the task fires, and the warnings."""
    from remembrancer.cli.output import screen, when
    from remembrancer.model.dependency import TriggerRule
    from remembrancer.model.task import FireChange, ResumeResult, TaskUpdate

    out = screen()
    out.print(f"{reply.task_id}  {reply.name}", style="bold", markup=False, highlight=False)
    if reply.disposition == "existing":
        is_edit = isinstance(reply, TaskUpdate | FireChange | ResumeResult)
        out.print(f"  {_UNCHANGED if is_edit else _EXISTING}", highlight=False)
    if reply.description and reply.task_type == "recurring":
        out.print(f"  {reply.description}", markup=False, highlight=False)
    for fire in reply.next_fires:
        out.print(f"  fires at {when(fire)}", highlight=False)
    if reply.depends_on and reply.next_fires:
        others = "another task" if len(reply.depends_on) == 1 else f"{len(reply.depends_on)} other tasks"
        out.print(f"  waits for {others}: {reply.trigger_rule or TriggerRule.ALL_SUCCEEDED}", highlight=False)
    for warning in reply.warnings:
        out.print(f"  warning: {warning}", markup=False, highlight=False)
    if not fires:
        out.print("  It fires while `remembrancer serve` runs on this graph.", highlight=False)


def moment_of(defer_until: str | None, wait: str | None) -> str | None:
    """Return the time that one of two options names; None without either."""
    from remembrancer.schedules.parsing import after

    return defer_until if wait is None else str(after(wait, defer_until, "--in"))


def object_of(name: str, text: str | None) -> dict[str, object] | None:
    """Return the JSON object that an option holds."""
    if text is None:
        return None
    try:
        value = read_json(text)
    except JsonTooDeep as deep:
        raise InvalidInput(name, text, f"a JSON object, at most {DEPTH} levels deep", '{"room": "hall"}') from deep
    except RepeatedKey as repeated:
        allowed = f"a JSON object with {RepeatedKey.allowed}; {repeated}"
        raise InvalidInput(name, text, allowed, '{"room": "hall"}') from repeated
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidInput(name, text, "a JSON object", '{"room": "hall"}')
    return cast("dict[str, object]", value)
