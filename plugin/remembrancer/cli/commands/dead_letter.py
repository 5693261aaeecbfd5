"""`remembrancer dead-letter`: failures that no attempt follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.cli.exit_codes import FAILED

if TYPE_CHECKING:
    from remembrancer.model.dead_letter import DeadLetter

Letter = Annotated[str, Argument(metavar="DEAD_LETTER", help="As `dead-letter list` shows it.")]
"""The argument that names a dead letter."""


@dataclass(frozen=True, kw_only=True)
class ListDeadLettersOptions(GraphOptions):
    """The options of `dead-letter list`."""

    task_id: Annotated[str | None, Option("--task", metavar="TASK_ID", help="Only those of this task.")] = None
    limit: Annotated[int, Option(min=1, max=10_000, help="The most to show.")] = 100


async def list_dead_letters(asked: ListDeadLettersOptions) -> None:
    """List the failures that no attempt follows: one for each task and fault, with their number.

    For example:

        remembrancer dead-letter list
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table, row_table

    async with connect(asked.graph, reading=True) as reached:
        letters = await reached.scheduler.dead_letters(asked.task_id, asked.limit)
    if asked.as_json:
        print_json(letters)
    else:
        print_table(row_table([_row(letter) for letter in letters]), otherwise="No dead letters.")


def _row(letter: DeadLetter) -> dict[str, object]:
    return {
        "dead letter": letter.dead_letter_id,
        "task": letter.task_id,
        "code": letter.reason_code,
        "fault": letter.fault,
        "failures": letter.failures,
        "first at": letter.first_at,
        "last at": letter.last_at,
        "no attempt followed because": letter.ended_because,
        "last execution": letter.execution_id,
    }


@dataclass(frozen=True, kw_only=True)
class RunDeadLetterOptions(GraphOptions):
    """The options of `dead-letter run`."""

    dead_letter_id: Letter
    prompt: Annotated[str | None, Option("--prompt", "-p", help="Another prompt for this run.")] = None
    context: Annotated[str | None, Option(metavar="JSON", help="Another context for this run.")] = None
    reason: Annotated[str | None, Option(help="Kept in the audit log.")] = None
    force: Annotated[bool, Option("--force", help="Run it even if a limit has no free slot.")] = False


async def run(asked: RunDeadLetterOptions) -> int:
    """Run the task of a dead letter again, as it was or with other input. Exit code 1: it did not complete.

    For example:

        remembrancer dead-letter run dead_5d41402abc4b2a76 --prompt "Send it to Grace instead."
    """
    from remembrancer.cli.commands.run_now import FINE, outcome_of
    from remembrancer.cli.commands.schedule import object_of
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table
    from remembrancer.cli.views.tasks import execution_table

    context = object_of("context", asked.context)
    async with connect(asked.graph) as reached:
        letter_id, prompt, reason = asked.dead_letter_id, asked.prompt, asked.reason
        started = await reached.scheduler.rerun(letter_id, prompt, context, reason, force=asked.force)
        execution = await outcome_of(reached.scheduler, started)
    if asked.as_json:
        print_json(execution)
    else:
        print_table(execution_table([execution]))
    return 0 if execution.status in FINE else FAILED


@dataclass(frozen=True, kw_only=True)
class ClearDeadLetterOptions(GraphOptions):
    """The options of `dead-letter clear`."""

    dead_letter_id: Letter
    reason: Annotated[str, Option(help="Kept in the audit log.")]


async def clear(asked: ClearDeadLetterOptions) -> int:
    """Clear a dead letter, with a reason; its executions stay. Exit code 1: it is gone, or has failed again meanwhile.

    For example:

        remembrancer dead-letter clear dead_5d41402abc4b2a76 --reason "The row was deleted on purpose."
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen

    async with connect(asked.graph) as reached:
        cleared = await reached.scheduler.clear_dead_letter(asked.dead_letter_id, asked.reason)
    if asked.as_json:
        print_json({"dead_letter_id": asked.dead_letter_id, "cleared": cleared})
    else:
        said = "cleared" if cleared else "gone, or has failed again meanwhile: list them again"
        screen().print(f"{asked.dead_letter_id} is {said}.", markup=False, highlight=False)
    return 0 if cleared else FAILED
