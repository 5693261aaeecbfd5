"""Options that say when a task runs, shared by `schedule`, `update` and `preview`, and the schedule that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, cast

from typer import Option

from remembrancer.errors import InvalidInput
from remembrancer.model.field_definition import FieldGroup
from remembrancer.model.policy import Fold, Gap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Schedule = dict[str, object]

_DAY: Final = 86_400
_BOUNDS: Final = ("start", "until", "count", "jitter", "spread")
_HOLIDAYS: Final = "--workdays last --time 17:00 --holidays de"
_EXAMPLE: Final = 'remembrancer schedule "Tea" --every 90m --prompt "Make tea."'


def _text(flag: str, metavar: str, meaning: str) -> object:
    return Annotated[str | None, Option(flag, metavar=metavar, help=meaning, rich_help_panel=FieldGroup.WHEN)]


_COUNT: Final = Annotated[
    int | None,
    Option(
        "--count",
        min=1,
        max=100_000,
        help="So many fires, from --start on, or from now.",
        rich_help_panel=FieldGroup.WHEN,
    ),
]
SCHEDULE_WORDS: Final[tuple[tuple[str, object, None], ...]] = (
    ("every", _text("--every", "LENGTH", "An interval: 90m, 1h30m, 2d, 2w."), None),
    ("rrule", _text("--rrule", "RULE", "A rule of iCalendar: FREQ=DAILY;BYHOUR=9, or 'DTSTART:…\\nRRULE:…'."), None),
    ("dates", _text("--dates", "DATES", "Dates or local times, with commas: 2026-12-24,2026-12-31T18:00."), None),
    ("weekly", _text("--weekly", "DAYS", "Days of the week: mon-fri, or sat,sun."), None),
    ("workdays", _text("--workdays", "WHICH", "Business days: each; or first, last, 3, -2 of each month."), None),
    ("holidays", _text("--holidays", "CALENDAR", "With --workdays: its days are no business days."), None),
    ("on", _text("--on", "CALENDAR", "The days of a calendar."), None),
    ("follow", _text("--follow", "TASK_ID", "The times of another task, also when it moves."), None),
    ("by", _text("--by", "LENGTH", "With --follow: -15m is before it, 2d two days after."), None),
    ("time_of_day", _text("--time", "HH:MM", "The time of day of any of these."), None),
    ("start", _text("--start", "TIME", "Only from then on."), None),
    ("until", _text("--until", "TIME", "Only until then; a date includes that day."), None),
    ("count", _COUNT, None),
    ("jitter", _text("--jitter", "LENGTH", "Each fire is later by up to this much, by an amount of its own."), None),
    ("spread", _text("--spread", "LENGTH", "All fires are later by up to this much, by the same amount."), None),
)
"""The options, as fields of a class of options. `schedule_of` reads them."""

REACTION_WORDS: Final[tuple[tuple[str, object, None], ...]] = (
    ("after", _text("--after", "TASK_ID", "After each completion of another task."), None),
    ("delay", _text("--delay", "LENGTH", "With --after: so much later, 5m."), None),
    ("outcome", _text("--outcome", "WORD", "With --after: completed, failed, or ended for both."), None),
    (
        "cue",
        _text("--cue", "CYPHER", "On each new match of a query; --every is the pace of checks."),
        None,
    ),
    ("cue_parameters", _text("--cue-parameters", "JSON", "With --cue: values of its parameters."), None),
    ("existing", _text("--existing", "WORD", "With --cue: fire what matches at first, or ignore it."), None),
    ("paced", _text("--paced", "LEAST..MOST", "The handler names the next check: 5m..1d from its outcome."), None),
)
"""The options of a schedule that names no times. `reaction_of` reads them."""

FIRES: Final = (
    "fires",
    Annotated[int, Option("--fires", "-n", min=1, max=1000, help="The number of next fires to show.")],
    5,
)
"""The option for the number of fires in an answer."""
IN_THE_SCHEDULE: Final = ("schedule_cron", "timezone", "gap", "fold", "seconds_field")
"""The fields of a request that are part of the schedule which `schedule_of` makes."""


def schedule_of(typed: Mapping[str, object], schedule: object = None, word: str = "schedule") -> Schedule | None:
    """Return the schedule that the options *typed* make, as JSON has it; None if they make none.

    Args:
        typed: The values of all options of the command.
        schedule: The schedule that another option holds as JSON.
        word: The name of that option.

    Raises:
        InvalidInput: They do not go together.
    """
    if typed["by"] is not None and typed["follow"] is None:
        raise InvalidInput("--by", typed["by"], "a length beside --follow", "--follow TASK_ID --by -15m")
    if typed["holidays"] is not None and typed["workdays"] is None:
        raise InvalidInput("--holidays", typed["holidays"], "a calendar beside --workdays", _HOLIDAYS)
    made: list[tuple[str, Schedule]] = [
        (name, make(cast("str", typed[name]), typed)) for name, make in _KINDS.items() if typed[name] is not None
    ]
    cron = typed.get("schedule_cron")
    is_bounded = any(typed[name] is not None for name in _BOUNDS)
    if schedule is not None:
        made.append((word, cast("Schedule", schedule)))
    if cron is not None and (made or is_bounded):
        made.append(("cron", _zoned(typed, kind="cron", expression=cron, seconds_field=typed.get("seconds_field"))))
    if len(made) > 1:
        (first, _), (second, _), *_ = made
        hint, example = _INSTEAD.get((first, second), ("", _EXAMPLE))
        value = cron if second == "cron" else typed.get(second, schedule)
        raise InvalidInput(f"--{second}", value, f"--{first} or --{second}, not both{hint}", example)
    if not made:
        _refuse_alone(typed)
        return None
    name, found = made[0]
    if typed["time_of_day"] is not None and name not in _TIMED:
        allowed = f"--time with one of {', '.join(f'--{each}' for each in _TIMED)}"
        raise InvalidInput("--time", typed["time_of_day"], allowed, "--workdays last --time 17:00")
    _check_time_of_day(typed["time_of_day"])
    return _bounded(found, typed) if is_bounded else found


def reaction_of(typed: Mapping[str, object], schedule: object) -> Schedule | None:
    """Return the schedule that names no times, as JSON has it; None if no option makes one. Raises InvalidInput."""
    made: dict[str, Schedule] = {}
    for word, (field, places) in _REACTIONS.items():
        if typed[word] is not None:
            given = {place: typed[name] for name, place in places.items() if typed[name] is not None}
            made[word] = {"kind": word, field: typed[word], **given}
            continue
        for name in places.keys() - {"every"}:
            if typed[name] is not None:
                flag = f"--{name.replace('_', '-')}"
                raise InvalidInput(flag, typed[name], f"no value without --{word}", _EXAMPLES[word])
    if not made:
        return None
    first, *others = (*made, *(() if schedule is None else ("schedule",)))
    if others:
        raise InvalidInput(f"--{first}", typed[first], f"--{first} or --{others[0]}, not both", _EXAMPLES[first])
    return {"kind": first, **_pace(cast("str", typed[first]))} if first == "paced" else made[first]


def _pace(text: str) -> dict[str, str]:
    """Return the bounds in `5m..1d`. Raises InvalidInput."""
    least, dots, most = text.partition("..")
    if not dots or not least.strip() or not most.strip():
        raise InvalidInput("--paced", text, "two lengths of time with two dots between them", "5m..1d")
    return {"least": least.strip(), "most": most.strip()}


def _check_time_of_day(value: object) -> None:
    """Refuse a wrong time of day by the name of its option: the kinds of schedules have names of their own for it."""
    from remembrancer.schedules.value_fields import read_time_of_day

    if value is not None:
        read_time_of_day(value, "--time")


def _refuse_alone(typed: Mapping[str, object]) -> None:
    """Refuse options that only complete a schedule, where there is none."""
    for name in ("time_of_day", *_BOUNDS):
        if typed[name] is not None:
            flag = "--time" if name == "time_of_day" else f"--{name}"
            words = ", ".join(f"--{each}" for each in ("cron", *_KINDS, "schedule"))
            allowed = f"{flag} beside a schedule: {words}"
            raise InvalidInput(flag, typed[name], allowed, _EXAMPLE)


def _bounded(schedule: Schedule, typed: Mapping[str, object]) -> Schedule:
    bounds = {"start": typed["start"], "end": typed["until"]}
    bounds |= {name: typed[name] for name in ("count", "jitter", "spread")}
    if bounds["count"] is not None and bounds["start"] is None:
        bounds["start"] = "now"
    given = {name: value for name, value in bounds.items() if value is not None}
    return {"kind": "bounded", "schedule": schedule, **given}


def _zoned(typed: Mapping[str, object], **fields: object) -> Schedule:
    """Return a schedule with these fields and the zone and policies of the options, as far as they are given."""
    defaults = {"timezone": None, "gap": Gap.RUN_AFTER, "fold": Fold.FIRST}
    zone = {name: typed[name] for name, default in defaults.items() if typed.get(name) not in {None, default}}
    return {name: value for name, value in fields.items() if value is not None} | zone


def _every(text: str, typed: Mapping[str, object]) -> Schedule:
    return _zoned(typed, kind="every", every=text, at=typed["time_of_day"])


def _rrule(text: str, typed: Mapping[str, object]) -> Schedule:
    return _zoned(typed, kind="rrule", rule=text.replace("\\n", "\n"))


def _dates(text: str, typed: Mapping[str, object]) -> Schedule:
    dates = [each.strip() for each in text.split(",") if each.strip()]
    return _zoned(typed, kind="dates", dates=dates, at=typed["time_of_day"])


def _weekly(text: str, typed: Mapping[str, object]) -> Schedule:
    return _zoned(typed, kind="weekly", days=text, start=typed["time_of_day"])


def _workdays(text: str, typed: Mapping[str, object]) -> Schedule:
    places = {"each": None, "first": 1, "last": -1}
    word = text.strip().lower()
    if word not in places and not word.removeprefix("-").isdecimal():
        allowed = "each, first, last, or a number: 3 is the third, -2 the last but one"
        raise InvalidInput("--workdays", text, allowed, "last")
    nth = places[word] if word in places else int(word)
    return _zoned(typed, kind="workdays", nth=nth, at=typed["time_of_day"], holidays=typed["holidays"])


def _on(name: str, typed: Mapping[str, object]) -> Schedule:
    return _zoned(typed, kind="calendar", name=name, at=typed["time_of_day"])


def _follow(task_id: str, typed: Mapping[str, object]) -> Schedule:
    """Return the schedule that follows a task; days and weeks are calendar days, at the same time of day."""
    from remembrancer.schedules.value_fields import names_days_only, read_length

    times: Schedule = {"kind": "task_times", "task_id": task_id}
    by = cast("str | None", typed["by"])
    if by is None:
        return times
    if names_days_only(by) and (seconds := read_length(by, "by", "-15m")) % _DAY == 0:
        return {"kind": "offset", "schedule": times, "days": seconds // _DAY}
    return {"kind": "offset", "schedule": times, "by": by}


_EXAMPLES: Final = {
    "after": "--after TASK_ID",
    "cue": '--cue "MATCH (n:thought) RETURN n.thought_id AS match"',
    "paced": "--paced 5m..1d",
}
_REACTIONS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "after": ("task_id", {"delay": "delay", "outcome": "on"}),
    "cue": ("cypher", {"every": "every", "cue_parameters": "parameters", "existing": "existing"}),
    "paced": ("least", {}),
}
"""From the option of a schedule that waits to its field, and to those of the options beside it."""
_KINDS: Final[dict[str, Callable[[str, Mapping[str, object]], Schedule]]] = {
    "every": _every,
    "rrule": _rrule,
    "dates": _dates,
    "weekly": _weekly,
    "workdays": _workdays,
    "on": _on,
    "follow": _follow,
}
"""From an option to the schedule that it makes. Another kind is an option of `SCHEDULE_WORDS` and a function here."""
_TIMED: Final = ("every", "dates", "weekly", "workdays", "on")
"""The options whose schedule may have a time of day."""
KIND_OPTIONS: Final = ", ".join(f"--{each}" for each in _KINDS)
"""The options that are a schedule, in words."""
_INSTEAD: Final = {
    ("every", "weekly"): ("; every other Friday is --every 2w from a Friday on", "--every 2w --start 2026-12-04T09:00"),
    ("workdays", "on"): ("; a calendar of holidays is --holidays", _HOLIDAYS),
}
"""From two options that do not go together to what is probably meant, and an example of it."""
