"""The instructions of a model that has these tools."""

from __future__ import annotations

from typing import Final

INSTRUCTIONS: Final = (
    "A durable task scheduler: what is scheduled here is kept in a graph on disk, and fires after this conversation, "
    "this process and this machine have ended, while a scheduler runs. Times are ISO-8601 with an offset, or waits "
    "such as `in 2h`; wall times and cron expressions need `timezone`. Write each trigger_prompt for a reader who does "
    "not know this conversation. Give a dedup_key to what must exist once. Look at `preview` before a recurring "
    "schedule, and at `tasks` before you make another one. A refusal says what is allowed, with an example."
)
_OF_A_QUEUE: Final = (
    " What falls due while this conversation runs, or after it, waits in the queue `{queue}`, and is shown to the next "
    "session at its start, once; with the tool `claim_work` you may take it before. `queue: null` leaves a task to the "
    "scheduler's own handler instead."
)


def instructions(queue: str | None) -> str:
    """Return the instructions of a model whose tasks go to *queue* unless they name another; None: to the handler."""
    return INSTRUCTIONS if queue is None else INSTRUCTIONS + _OF_A_QUEUE.format(queue=queue)
