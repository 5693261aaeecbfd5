"""`remembrancer update`."""

from __future__ import annotations

from dataclasses import make_dataclass
from typing import TYPE_CHECKING, Annotated, Final

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.commands.schedule import WAIT, flags_of, option_of, values_of
from remembrancer.cli.options import TaskId
from remembrancer.cli.referring_options import REFERRING
from remembrancer.model.request import TASK_FIELDS, UPDATABLE

if TYPE_CHECKING:
    from remembrancer.model.field_definition import FieldDefinition
    from remembrancer.model.request import TaskChanges

_REASON: Final = Annotated[str | None, Option(help="Kept in the audit log.")]


def _option(name: str, field: FieldDefinition) -> tuple[str, object, None]:
    """Return a field of a task as an option that need not be given."""
    return name, Annotated[field.typed | None, option_of(flags_of(name) or (f"--{name}",), field)], None


UpdateOptions: Final[type[GraphOptions]] = make_dataclass(
    "UpdateOptions",
    [
        ("task_id", TaskId),
        *(_option(name, TASK_FIELDS[name]) for name in UPDATABLE),
        ("wait", WAIT, None),
        *REFERRING,
        ("reason", _REASON, None),
    ],
    bases=(GraphOptions,),
    namespace={"__doc__": "The options of `update`: one for each field that may change.", "__module__": __name__},
    frozen=True,
    kw_only=True,
)


def fields_of(asked: GraphOptions) -> TaskChanges:
    """Return the fields that the options of `update` change."""
    given = values_of(asked, UPDATABLE)
    return {name: value for name, value in given.items() if value is not None}  # pyright: ignore[reportReturnType]  by the table


async def update(asked: GraphOptions) -> None:
    """Change fields of a task, and show its next fires. A running execution keeps what it began with.

    For example:

        remembrancer update task_1723644600.123_9f3k2a --cron "0 10 * * 1-5" --prompt "Write the report."
        remembrancer update task_1723644600.123_9f3k2a --at 2026-12-01T09:00:00Z --reason "Ada is away."
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen

    typed = vars(asked)
    async with connect(asked.graph) as reached:
        reply = await reached.scheduler.update_task(typed["task_id"], reason=typed["reason"], **fields_of(asked))
    if asked.as_json:
        print_json(reply)
        return
    for name, change in reply.changed.items():
        screen().print(f"{name}: {change.before} → {change.after}", markup=False, highlight=False)
    print_reply(reply, fires=reached.fires)
