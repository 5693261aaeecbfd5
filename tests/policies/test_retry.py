"""Attempts after a failure: when the next one starts, and after which failures none does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Execution, ExecutionStatus, ExecutionType, InvalidInput, Reason, RetryPolicy, ScheduleRequest
from remembrancer.model.handler_result import HandlerOutcome, Retry
from remembrancer.model.request import EXAMPLE
from remembrancer.model.retry_policy import policy_of, read_retry
from remembrancer.model.task_status import TaskType
from remembrancer.model.timestamps import to_ms
from remembrancer.operations.validation import validate
from remembrancer.policies.retry import next_attempt_after, next_execution

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
RAISED = HandlerOutcome(ExecutionStatus.FAILED, Reason.HANDLER_RAISED, "no", faults=("ConnectionError", "OSError"))


def task(retry: Any, max_attempts: int = 5) -> ScheduledTask:
    return validate(ScheduleRequest(**EXAMPLE, retry=retry, max_attempts=max_attempts), NOW, 60.0, {})


def attempt(number: int = 1, *, minutes_ago: int = 0, since: datetime | None = None) -> Execution:
    return Execution(
        execution_id="exec_1",
        occurrence_key=f"{to_ms(NOW)}|task_1|{number}",
        task_id="task_1",
        execution_type=ExecutionType.CRON,
        task_type=TaskType.RECURRING,
        status=ExecutionStatus.RUNNING,
        nominal_at=NOW,
        triggered_at=NOW - timedelta(minutes=minutes_ago),
        attempt=number,
        retry_since_ms=None if since is None else to_ms(since),
    )


def waits(retry: Any, attempts: int = 4, outcome: HandlerOutcome = RAISED) -> list[float | None]:
    """Return the seconds to wait after each of so many attempts."""
    due = [next_attempt_after(task(retry), attempt(number), outcome, NOW).due_ms for number in range(1, attempts + 1)]
    return [None if each is None else (each - to_ms(NOW)) / 1000 for each in due]


@pytest.mark.parametrize(
    ("retry", "seconds"),
    [
        (None, [None, None, None, None]),
        ({"backoff": "fixed", "delay": 7, "jitter": "none"}, [7, 7, 7, 7]),
        ({"backoff": "linear", "delay": "7s", "jitter": "none"}, [7, 14, 21, 28]),
        (RetryPolicy(delay=timedelta(seconds=7), factor=3, jitter="none"), [7, 21, 63, 189]),
        ({"delay": 7, "cap": "1m", "factor": 3, "jitter": "none"}, [7, 21, 60, 60]),
    ],
)
def test_a_wait_grows_as_the_policy_says(retry: Any, seconds: list[float | None]) -> None:
    assert waits(retry) == seconds


def test_a_wait_with_jitter_is_a_part_of_the_whole() -> None:
    whole, drawn = waits("fixed 100s", 4), waits("fixed 100s", 4)

    assert whole == drawn
    assert all(each is not None and 0 <= each <= 100 for each in whole)
    assert len({*whole}) > 1


def test_max_attempts_bounds_the_attempts_of_a_task() -> None:
    assert next_attempt_after(task("fixed", max_attempts=3), attempt(2), RAISED, NOW).due_ms is not None
    assert next_attempt_after(task("fixed", max_attempts=3), attempt(3), RAISED, NOW).due_ms is None


@pytest.mark.parametrize(
    ("choice", "again"),
    [
        ({"retry_on": ["ConnectionError"]}, True),
        ({"retry_on": ["OSError"]}, True),
        ({"retry_on": ["ValueError", "timed_out"]}, False),
        ({"retry_on": "handler_raised"}, True),
        ({"give_up_on": ["OSError"]}, False),
        ({"give_up_on": ["ValueError"]}, True),
        ({"retry_on": ["ConnectionError"], "give_up_on": ["handler_raised"]}, False),
    ],
)
def test_a_failure_is_retried_by_its_class_or_code(choice: dict[str, Any], *, again: bool) -> None:
    assert (waits({"jitter": "none", **choice}, 1) == [10.0]) is again


def test_a_permanent_failure_is_never_retried() -> None:
    permanent = HandlerOutcome(ExecutionStatus.FAILED, Reason.HANDLER_FAILED, "no such row", is_permanent=True)

    assert waits("fixed", 1, permanent) == [None]


@pytest.mark.parametrize("code", [Reason.LEASE_EXPIRED, Reason.SHUTDOWN, Reason.TASK_CANCELLED])
def test_an_end_that_is_no_failure_of_a_handler_is_not_retried(code: Reason) -> None:
    assert waits("fixed", 1, HandlerOutcome(ExecutionStatus.FAILED, code, "gone")) == [None]


def test_a_handler_that_asks_is_tried_again_without_a_policy() -> None:
    asked = HandlerOutcome(ExecutionStatus.FAILED, Reason.RETRY_REQUESTED, "429", retry=Retry(90.0, "429"))

    assert waits(None, 1, asked) == [90.0]
    assert waits({"give_up_on": ["retry_requested"]}, 1, asked) == [90.0]


def test_no_attempt_begins_after_the_whole_time_is_over() -> None:
    policy = task({"backoff": "fixed", "delay": 60, "jitter": "none", "within": "10m"})

    assert next_attempt_after(policy, attempt(minutes_ago=9), RAISED, NOW).due_ms == to_ms(NOW) + 60_000
    assert next_attempt_after(policy, attempt(minutes_ago=10), RAISED, NOW).due_ms is None
    assert next_attempt_after(policy, attempt(2, since=NOW - timedelta(minutes=10)), RAISED, NOW).due_ms is None


def test_a_next_attempt_is_of_the_same_occurrence() -> None:
    first = attempt().model_copy(update={"status": ExecutionStatus.FAILED, "reason": "no", "retry_due_ms": 5})
    second = next_execution(first, to_ms(NOW) + 1, "replica_1")
    third = next_execution(second, to_ms(NOW) + 2, "replica_1")

    assert (second.attempt, second.nominal_at, second.reason, second.retry_due_ms) == (2, first.nominal_at, None, None)
    assert second.occurrence_key.rpartition("|")[0] == first.occurrence_key.rpartition("|")[0]
    assert len({first.execution_id, second.execution_id, third.execution_id}) == 3
    assert third.retry_since_ms == second.retry_since_ms == to_ms(first.triggered_at)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("exponential", {"backoff": "exponential"}),
        ("fixed 30s", {"backoff": "fixed", "delay": 30.0}),
        ("Exponential 10s..1h30m", {"backoff": "exponential", "cap": 5400.0}),
        ('{"delay": "2m"}', {"backoff": "exponential", "delay": 120.0}),
        (RetryPolicy(), {"backoff": "exponential"}),
        ({"retry_on": ("a.B",)}, {"backoff": "exponential", "retry_on": ["a.B"]}),
    ],
)
def test_a_policy_has_one_normal_form(given: Any, kept: dict[str, Any]) -> None:
    assert read_retry("retry", given, None) == kept
    assert read_retry("retry", kept, None) == kept
    assert policy_of(kept).wait_seconds(1, 1.0) > 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("often", "retry"),
        (3, "retry"),
        ("{", "retry"),
        ({"delays": 3}, "retry.delays"),
        ({"delay": -1}, "retry.delay"),
        ({"delay": "soon"}, "retry.delay"),
        ({"delay": float("nan")}, "retry.delay"),
        ({"delay": True}, "retry.delay"),
        ({"factor": 0.5}, "retry.factor"),
        ({"jitter": "half"}, "retry.jitter"),
        ({"backoff": "quadratic"}, "retry.backoff"),
        ({"retry_on": [""]}, "retry.retry_on"),
        ({"give_up_on": ["x"] * 51}, "retry.give_up_on"),
    ],
)
def test_a_wrong_policy_is_refused_by_its_field(given: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_retry("retry", given, {"backoff": "fixed"})
    assert refused.value.field == field
