"""`remembrancer answer`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from typer import Argument

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.options import TaskId  # noqa: TC001 (typer reads the annotations)


@dataclass(frozen=True, kw_only=True)
class AnswerOptions(GraphOptions):
    """The options of `answer`."""

    task_id: TaskId
    answer: Annotated[str, Argument(help="yes, no, or another text for the handler.")]


async def answer(asked: AnswerOptions) -> None:
    """Answer the question that a task waits for: its run begins, or after `no` is skipped.

    For example:

        remembrancer answer task_1723644600.123_9f3k2a yes
        remembrancer answer task_1723644600.123_9f3k2a "The window seat, please."
    """
    from remembrancer.cli.commands.schedule import print_reply
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen
    from remembrancer.cli.task_ids import task_id_of
    from remembrancer.policies.unanswered.questions import is_refused

    async with connect(asked.graph) as reached:
        reply = await reached.scheduler.answer_task(await task_id_of(reached, asked.task_id), asked.answer)
    if asked.as_json:
        print_json(reply)
    else:
        print_reply(reply, fires=reached.fires)
        if is_refused(reply):
            screen().print("  the run that waited is skipped: the answer is no", highlight=False)
