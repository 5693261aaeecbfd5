"""Queues: an occurrence of a queue without a handler in this process waits for a worker. A pure function.

Laws: the work of a task with a queue is done by the handler of that queue, or by a worker that asks for it; by the
scheduler's own handler never. Until one of them is there it waits, however long. Lateness by that wait is lateness like
any other: `misfire` decides, so that a recurring task runs once for all that it missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.policies.decision import Park

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.decision import Run, Situation

QUEUE_KEY: Final = "queue:"
"""The beginning of the wait key of a task that waits for a worker: the queue follows."""


def by_worker(task: ScheduledTask, run: Run, situation: Situation) -> Run | Park:
    """Return *run*, if its queue is served here or a worker has asked for it; else a wait for a worker."""
    if task.queue is None or task.queue in situation.served or task.task_id in situation.asked_for:
        return run
    return Park(wait_key_of_queue(task.queue), f"No worker of the queue {task.queue} is free.")


def queue_in(wait_key: str) -> str | None:
    """Return the queue that a wait key names; None for a wait for something else."""
    return wait_key.removeprefix(QUEUE_KEY) if wait_key.startswith(QUEUE_KEY) else None


def wait_key_of_queue(queue: str) -> str:
    """Return the key of tasks that wait for a worker of a queue."""
    return QUEUE_KEY + queue
