"""`remembrancer update`."""

from __future__ import annotations

from dataclasses import make_dataclass
from typing import TYPE_CHECKING, Annotated, Final

from typer import Option

from remembrancer.cli.commands.schedule import WAIT, flags_of, option_of, values_of
from remembrancer.cli.schedule_options import FIRES, IN_THE_SCHEDULE, REACTION_WORDS, SCHEDULE_WORDS
from remembrancer.cli.selection import SelectingOptions, print_bulk, selected
from remembrancer.errors import InvalidInput
from remembrancer.model.request import DEFAULTS, TASK_FIELDS, UPDATABLE
from remembrancer.model.suggestions import nearest, unknown

if TYPE_CHECKING:
    from remembrancer.model.field_definition import FieldDefinition
    from remembrancer.model.request import TaskChanges

_CLEAR: Final = Annotated[
    list[str] | None,
    Option(metavar="FIELD", help="Give a field no value, or its default: timeout_seconds; may be given again."),
]
_REASON: Final = Annotated[str | None, Option(help="Kept in the audit log.")]
_FLAGS: Final = {"tags": ("--set-tag",), "group": ("--set-group",)}
"""The options of fields whose own option selects tasks."""


def _option(name: str, field: FieldDefinition) -> tuple[str, object, None]:
    """Return a field of a task as an option that need not be given."""
    flags = _FLAGS.get(name) or flags_of(name) or (f"--{name}",)
    return name, Annotated[field.typed | None, option_of(flags, field)], None


UpdateOptions: Final[type[SelectingOptions]] = make_dataclass(
    "UpdateOptions",
    [
        *(_option(name, TASK_FIELDS[name]) for name in UPDATABLE),
        ("wait", WAIT, None),
        *SCHEDULE_WORDS,
        *REACTION_WORDS,
        ("clear", _CLEAR, None),
        FIRES,
        ("reason", _REASON, None),
    ],
    bases=(SelectingOptions,),
    namespace={"__doc__": "The options of `update`: one for each field that may change.", "__module__": __name__},
    frozen=True,
    kw_only=True,
)


def fields_of(asked: SelectingOptions) -> TaskChanges:
    """Return the fields that the options of `update` change; an empty tag alone clears the tags."""
    typed = values_of(asked, UPDATABLE)
    given = {name: value for name, value in typed.items() if value is not None}
    if given.get("tags") == [""]:
        given["tags"] = []
    if "schedule" in given:
        for name in (each for each in IN_THE_SCHEDULE if given.get(each) == DEFAULTS[each]):
            given.pop(name, None)  # a part of the schedule now
    for word in vars(asked)["clear"] or ():
        name = word.strip().replace("-", "_")
        if name not in UPDATABLE:
            raise InvalidInput("--clear", word, unknown(name, UPDATABLE), nearest(name, UPDATABLE) or "timeout_seconds")
        if name in given:
            raise InvalidInput("--clear", word, f"a value for {name} or --clear {name}, not both", "timeout_seconds")
        given[name] = DEFAULTS.get(name)
    return given  # pyright: ignore[reportReturnType]  by the table


async def update(asked: SelectingOptions) -> int:
    """Change fields of a task, or of all that match, and show the next fires. What runs keeps what it began with.

    For example:

        remembrancer update task_1723644600.123_9f3k2a --cron "0 10 * * 1-5" --prompt "Write the report."
        remembrancer update task_1723644600.123_9f3k2a --at 2026-12-01T09:00:00Z --reason "Ada is away."
        remembrancer update task_1723644600.123_9f3k2a --every 2h --clear timeout_seconds
        remembrancer update --tag work --timeout 60 --set-tag work --set-tag slow --dry-run
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen
    from remembrancer.cli.task_ids import task_id_of, with_whole_ids
    from remembrancer.cli.views.tasks import change_words

    which = selected(asked)
    fields_of(asked)  # a wrong option is refused before a graph is opened
    reason: str | None = vars(asked)["reason"]
    async with connect(asked.graph) as reached:
        fields = fields_of(await with_whole_ids(reached, asked))
        if which is not None:
            result = await reached.scheduler.update_tasks(fields, reason, dry_run=asked.dry_run, **which)
            return print_bulk(result, as_json=asked.as_json)
        fires: int = vars(asked)["fires"]
        task_id = await task_id_of(reached, asked.task_id or "")
        reply = await reached.scheduler.update_task(task_id, reason=reason, fires=fires, **fields)
    if asked.as_json:
        print_json(reply)
        return 0
    for name, change in reply.changed.items():
        screen().print(change_words(name, change), markup=False, highlight=False)
    print_reply(reply, fires=reached.fires)
    return 0
