"""`remembrancer questions`: the questions without an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Option

from remembrancer.cli.command import GraphOptions

if TYPE_CHECKING:
    from remembrancer.model.question import Question


@dataclass(frozen=True, kw_only=True)
class QuestionsOptions(GraphOptions):
    """The options of `questions`."""

    limit: Annotated[int, Option(help="The most questions to show.")] = 100


async def questions(asked: QuestionsOptions) -> None:
    """List the questions without an answer, the oldest first: of whom, until when, and what happens then.

    For example:

        remembrancer questions
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.grid import Grid
    from remembrancer.cli.output import print_json, print_table, when

    async with connect(asked.graph) as reached:
        found = await reached.scheduler.questions(asked.limit)
    if asked.as_json:
        print_json(found)
        return
    table = Grid(("asked", "task", "name", "question", "of", "answer by", "then"))
    for each in found:
        names = ", ".join(each.asked_of)
        by = when(each.answer_by) if each.answer_by else ""
        table.add(when(each.asked_at), each.task_id, each.task, each.question, names, by, then_of(each))
    print_table(table, otherwise="No open questions.")


def then_of(question: Question) -> str:
    """Return what happens at the end of the time for an answer, for people."""
    if question.answer_by is None:
        return "waits on"
    if question.reminders_left:
        return f"asks again, {question.reminders_left} left"
    if question.escalate_to:
        return f"asks {', '.join(question.escalate_to)}"
    return "gives up"
