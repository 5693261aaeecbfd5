"""Questions in a graph: the open ones, their answers, and those that are asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.question import question_from
from remembrancer.model.timestamps import to_ms
from remembrancer.stores.commits.statement import Row, Statement
from remembrancer.stores.records.idempotency import rejecting_reuse
from remembrancer.stores.rows import audit_rows
from remembrancer.stores.rows.due_key import due_key
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from remembrancer.model.question import Question
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Change, Reminder
    from remembrancer.stores.commits.connection import GraphConnection
    from remembrancer.stores.commits.row_types.tasks import AnswerRow, ReminderRow
    from remembrancer.stores.rows.readable_records import ReadableRecords

    WriteArmed = Callable[[Sequence[int | None], Sequence[Statement]], Awaitable[list[list[Row]]]]
    NoteMove = Callable[[str, int], None]


class GraphQuestions:
    """The contract and its laws: `remembrancer.ports.questions.QuestionStore`.

    Args:
        connection: An open graph.
        records: Reads nodes, and remembers those that cannot be read.
        write_armed: Writes statements that arm tasks for the given times.
        note_move: Notes a task whose next run has moved to a time.
    """

    def __init__(
        self, connection: GraphConnection, records: ReadableRecords, write_armed: WriteArmed, note_move: NoteMove
    ) -> None:
        self._connection = connection
        self._records = records
        self._write_armed = write_armed
        self._note_move = note_move

    async def answer(self, before: ScheduledTask, after: ScheduledTask, change: Change) -> bool:
        """Close the question of a task that is still as it was read, with its answer; return whether it was."""
        row = _answer_row(before, after, change)
        statements = [Statement("answer_tasks", [row]), Statement("record_answers", [dict(row)])]
        with rejecting_reuse(change.idempotency_key):
            answers = await self._write_armed([after.next_run_ms], statements)
        if answers[0] and after.next_run_ms is not None:
            self._note_move(after.task_id, after.next_run_ms)
        return bool(answers[0])

    async def ask_again(self, reminders: Sequence[Reminder]) -> Sequence[bool]:
        """Write questions that are asked again; return for each whether its task was still as it was read."""
        rows = [_reminder_row(each) for each in reminders]
        times = [row["next_run_ms"] for row in rows]
        (answers,) = await self._write_armed(times, [Statement("ask_again", rows)])
        written = {row["row"] for row in answers}
        return [place in written for place in range(len(rows))]

    async def open_questions(self, limit: int) -> Sequence[Question]:
        """Return the open questions, the oldest first; one that cannot be read is logged and left out."""
        found = await self._connection.read(query("open_questions"), {"above": "", "limit": limit})
        nodes = [row["t"] for row in found]
        return list(self._records.read("task_id", lambda node: question_from(node["question"]), nodes))


def _reminder_row(reminder: Reminder) -> ReminderRow:
    task, question = reminder.task, reminder.question
    assert question.answer_by is not None  # noqa: S101 (it is asked again for an answer by then)
    next_ms = to_ms(question.answer_by)
    return {
        "task_id": task.task_id,
        "fence": task.fence,
        "question_id": question.question_id,
        "question": question.model_dump_json(),
        "next_run_ms": next_ms,
        "due_key": due_key(next_ms, task.task_id),
        "at_ms": to_ms(reminder.at),
        "kind": "question_escalated" if reminder.is_escalation else "question_reminded",
        "text": question.question,
    }


def _answer_row(before: ScheduledTask, after: ScheduledTask, change: Change) -> AnswerRow:
    assert before.question_id is not None  # noqa: S101 (the caller has looked)
    assert after.defer_until is not None  # noqa: S101
    return {
        **audit_rows.change_row(before.task_id, change),
        "fence": before.fence,
        "question_id": before.question_id,
        "answer": after.answer or "",
        "next_run_ms": after.next_run_ms,
        "due_key": due_key(after.next_run_ms, after.task_id),
        "run_ms": to_ms(after.defer_until),
        "before": before.question or "",
        "after": after.answer or "",
    }
