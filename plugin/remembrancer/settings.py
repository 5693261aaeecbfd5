"""How one scheduler runs: every number, once."""

from __future__ import annotations

from dataclasses import dataclass

from remembrancer.model.query_limits import ROWS, SECONDS, SIZE, QueryLimits


@dataclass(frozen=True, slots=True)
class SchedulerOptions:
    """The scheduler's own settings; the tasks' are with the tasks.

    Args:
        check_interval_seconds: The longest sleep between two looks at the graph. Known tasks fire on time
            whatever it is; on a graph of one's own it bounds how late a task armed from outside is found.
        batch: How many occurrences one pass claims at most.
        max_concurrent: How many handlers run at a time at most.
        timeout_seconds: How long a handler may take whose task says nothing else.
        lease_seconds: How long a claim holds without a heartbeat; heartbeats come three times as often.
        events_kept: How many of the newest events of the log are kept, in each of its streams.
        events_kept_seconds: For how long an event is kept at most.
        stop_timeout_seconds: How long `stop` waits for handlers before it cancels them.
        hearing_seconds: On a shared graph, how often a replica that is alone polls who is there and what comes next;
            of several, each does so less often, down to half as often where there are four or more. A task that was
            scheduled through another fires at most so late.
        help_seconds: On a shared graph, how late another replica's task is before one helps out.
        keep_executions_days: After so many days an execution that is over is rolled up into the summary of its task
            and day; None keeps each of them for ever. On the embedded graph the space is used again by a process
            whose first service says so; one that keeps everything never looks for space.
        query_seconds: How long a query of a user may take, such as `cypher`.
        query_rows: How many rows its answer may have.
        query_bytes: How many bytes of JSON they may be.
    """

    check_interval_seconds: float = 60.0
    batch: int = 1000
    max_concurrent: int = 2000
    timeout_seconds: float = 300.0
    lease_seconds: float = 60.0
    stop_timeout_seconds: float = 10.0
    hearing_seconds: float = 1.25
    help_seconds: float = 2.0
    keep_executions_days: float | None = None
    events_kept: int = 100_000
    events_kept_seconds: float = 86_400.0
    query_seconds: float = SECONDS
    query_rows: int = ROWS
    query_bytes: int = SIZE

    @property
    def query_limits(self) -> QueryLimits:
        """The limits of a user's query."""
        return QueryLimits(self.query_seconds, self.query_rows, self.query_bytes)
