"""Requests of workers: the checks of what one says, and the list of what waits for workers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import (
    LONGEST_ID,
    LONGEST_NAME,
    LONGEST_TEXT,
    read_id,
    read_integer,
    read_label,
    read_limit,
    read_line,
    read_seconds,
    read_text,
)
from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.handler_result import HandlerOutcome, Retry, Thought, Usage
from remembrancer.model.retry_policy import read_wait
from remembrancer.model.timestamps import from_ms
from remembrancer.model.worker_calls import (
    LEAST_LEASE,
    LONGEST_LEASE,
    LONGEST_WAIT,
    MOST_QUEUES,
    MOST_WORK,
    HeldExecution,
    WaitingWork,
    WorkClaim,
)
from remembrancer.policies.queues import wait_key_of_queue
from remembrancer.ports.handler import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.ports.graph import Graph

_QUEUE: Final = "mail"
_WORKER: Final = "mailer-1"
_EXECUTION: Final = "exec_1723644600.000_5d41402abc4b2a76"
_MOST_NAMES: Final = 50


def read_claim(queues: object, worker: object, limit: object, wait_seconds: object, lease_seconds: object) -> WorkClaim:
    """Return a request for work. Raises InvalidInput."""
    given: Sequence[object] = cast("Sequence[object]", queues) if isinstance(queues, list | tuple) else ()
    if not 1 <= len(given) <= MOST_QUEUES:
        raise InvalidInput("queues", cast("object", queues), f"a list of 1 to {MOST_QUEUES} queues", [_QUEUE])
    return WorkClaim(
        tuple(dict.fromkeys(read_label("queues", each, _QUEUE) for each in given)),
        read_worker(worker),
        read_integer("limit", limit, 1, MOST_WORK, 1),
        read_seconds("wait_seconds", wait_seconds, 0, LONGEST_WAIT, 20),
        read_seconds("lease_seconds", lease_seconds, LEAST_LEASE, LONGEST_LEASE, 60),
    )


def read_worker(worker: object) -> str:
    """Return the name of a worker. Raises InvalidInput."""
    return read_line("worker", worker, LONGEST_NAME, _WORKER)


def read_held(execution_id: object, worker: object) -> HeldExecution:
    """Return what a worker says it holds. Raises InvalidInput."""
    return HeldExecution(read_line("execution_id", execution_id, LONGEST_ID, _EXECUTION), read_worker(worker))


def read_progress(fraction: object, text: object) -> Progress:
    """Return the progress of work. Raises InvalidInput."""
    done = fraction
    if done is not None and (isinstance(done, bool) or not isinstance(done, int | float) or not 0 <= done <= 1):
        raise InvalidInput("fraction", fraction, "a number from 0 to 1", 0.5)
    return Progress(
        None if done is None else float(done),
        None if text is None else read_text("text", text, LONGEST_TEXT, "half of it"),
    )


def read_result(result: object) -> str | None:
    """Return the result of work. Raises InvalidInput."""
    if result is None or isinstance(result, str):
        return result
    raise InvalidInput("result", result, "text, or none", "sent")


def read_next_check(value: object) -> str | datetime | timedelta | None:
    """Return the next check that work asks for. Raises InvalidInput."""
    return None if value is None else _time("next_check", value)


def read_until(value: object) -> str | datetime | timedelta:
    """Return the end of a deferral. Raises InvalidInput."""
    return _time("until", value)


def _time(field: str, value: object) -> str | datetime | timedelta:
    if isinstance(value, str | datetime | timedelta):
        return value
    raise InvalidInput(field, value, "an ISO-8601 time, or a length of time from now", "in 2h")


@dataclass(frozen=True, kw_only=True)
class WorkFailure:
    """A failure that a worker reports."""

    reason: object
    permanent: object
    retry: object
    retry_after: object
    exceptions: object

    def outcome(self) -> HandlerOutcome:
        """Return the end of the run. Raises InvalidInput."""
        said = read_text("reason", self.reason, LONGEST_TEXT, "The mail server refused the address.")
        for name, each in (("permanent", self.permanent), ("retry", self.retry)):
            if not isinstance(each, bool):
                raise InvalidInput(name, each, "true or false", example=False)
        is_again = self.retry is True or self.retry_after is not None
        if self.permanent and is_again:
            allowed = "either `permanent`, or another attempt by `retry` or `retry_after`"
            raise InvalidInput("permanent", self.permanent, allowed, example=False)
        if is_again:
            after = None if self.retry_after is None else read_wait("retry_after", self.retry_after)
            return HandlerOutcome(ExecutionStatus.FAILED, Reason.RETRY_REQUESTED, said, retry=Retry(after, said))
        names = _names(self.exceptions)
        code = Reason.HANDLER_RAISED if names else Reason.HANDLER_FAILED
        return HandlerOutcome(ExecutionStatus.FAILED, code, said, faults=names, is_permanent=self.permanent is True)


def _names(given: object) -> tuple[str, ...]:
    """Return the names of exception classes. Raises InvalidInput."""
    if given is None:
        return ()
    listed = cast("Sequence[object]", given) if isinstance(given, list | tuple) else (given,)
    return tuple(read_line("exceptions", each, LONGEST_NAME, "ConnectionError") for each in listed[:_MOST_NAMES])


def read_usage(tokens: object, money: object) -> Usage | None:
    """Return what work has used of the budget of its lineage; None for nothing. Raises InvalidInput."""
    used = Usage(cast("int", tokens), cast("int | str", money))
    return used if any(used.amounts) else None


def read_work_thought(execution_id: str, content: object, thought_id: object) -> Thought | None:
    """Return the thought that work has made; its id is made of the execution's unless given. Raises InvalidInput."""
    made_id = f"thought_of_{execution_id}" if thought_id is None else read_id("thought_id", thought_id)
    if content is None:
        return None
    return Thought(made_id, read_text("thought", content, LONGEST_TEXT, "The letter was sent."))


async def waiting_work(store: Graph, queue: object, limit: object) -> list[WaitingWork]:
    """Return what waits for workers of a queue, the next to be handed out first. Raises InvalidInput."""
    name = read_label("queue", queue, _QUEUE)
    tasks = await store.waits.first(wait_key_of_queue(name), read_limit(limit))
    return [
        WaitingWork(
            queue=name,
            task_id=each.task_id,
            task=each.name,
            prompt=each.trigger_prompt,
            due_at=from_ms(each.next_run_ms or 0),
            waits_since=from_ms(each.waits_since_ms or 0),
        )
        for each in tasks
    ]
