"""`remembrancer ask`: let a run wait for an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import TaskId  # noqa: TC001 (typer reads the annotations)
from remembrancer.model.question import OnNoAnswer  # noqa: TC001 (typer reads the annotations)


@dataclass(frozen=True, kw_only=True)
class AskOptions(GraphOptions):
    """The options of `ask`."""

    task_id: TaskId
    question: Annotated[str, Argument(help="The question, for people.")]
    of: Annotated[list[str] | None, Option(metavar="NAME", help="Of whom: a person or a role; more than once.")] = None
    within: Annotated[str | None, Option(metavar="LENGTH", help="The time for an answer, such as 2d.")] = None
    on_no_answer: Annotated[
        OnNoAnswer | None,
        Option(help="What happens without an answer; unless given, `give_up` with --within, and `wait` without."),
    ] = None
    reminders: Annotated[int, Option(help="How often `remind` asks again.")] = 3
    escalate_to: Annotated[list[str] | None, Option(metavar="NAME", help="Whom `escalate` asks next.")] = None
    thought: Annotated[str | None, Option(help="The thought that asks.")] = None


async def ask(asked: AskOptions) -> None:
    """Let a task's next run wait for an answer of people.

    For example:

        remembrancer ask task_1723644600.123_9f3k2a "May I book the flight?" --of ada --within 2d
        remembrancer ask task_1723644600.123_9f3k2a "Which seat?" --of ada --within 1d --on-no-answer remind
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.task_ids import task_id_of

    async with connect(asked.graph) as reached:
        reply = await reached.scheduler.ask_task(
            await task_id_of(reached, asked.task_id),
            asked.question,
            asked.of or [],
            asked.within,
            asked.on_no_answer,
            asked.reminders,
            asked.escalate_to or [],
            asked.thought,
        )
    if asked.as_json:
        print_json(reply)
    else:
        print_reply(reply, fires=reached.fires)
