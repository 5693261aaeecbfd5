"""How one scheduler runs: every number, once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """The scheduler's own settings; the tasks' are with the tasks.

    Args:
        check_interval_seconds: The longest sleep between two looks at the graph. Known tasks fire on time
            whatever it is; it bounds how late a task armed from outside this process is found.
        batch: How many occurrences one pass claims at most.
        max_concurrent: How many handlers run at a time at most.
        timeout_seconds: How long a handler may take whose task says nothing else.
        lease_seconds: How long a claim holds without a heartbeat; heartbeats come three times as often.
        stop_timeout_seconds: How long `stop` waits for handlers before it cancels them.
        keep_executions_days: After so many days an execution that is over is rolled up into the summary of its task
            and day; None keeps each of them for ever.
    """

    check_interval_seconds: float = 60.0
    batch: int = 1000
    max_concurrent: int = 2000
    timeout_seconds: float = 300.0
    lease_seconds: float = 60.0
    stop_timeout_seconds: float = 10.0
    keep_executions_days: float | None = None
