"""The codes of reasons: closed, each with a test that sees it, and each with a row in the documentation."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

from remembrancer import ExecutionStatus, Reason

TESTS: Final = Path(__file__).parent.parent
PAGE: Final = TESTS.parent / "docs" / "concepts" / "every-occurrence.md"
SEEN_BY: Final = {
    Reason.HANDLER_FAILED: "test_a_retry_that_cannot_be_read_is_a_failure",
    Reason.HANDLER_RAISED: "test_the_next_check_is_when_the_handler_says",
    Reason.RETRY_REQUESTED: "test_a_rate_limit_s_retry_after_is_kept_to_the_second",
    Reason.TIMED_OUT: "test_an_attempt_that_runs_too_long_is_followed_by_another",
    Reason.DEFERRED_BY_HANDLER: "test_a_chain_ends_with_a_run_that_is_not_deferred",
    Reason.DEFERRALS_EXHAUSTED: "test_a_run_deferred_too_often_fails_by_its_own_reason",
    Reason.HELD_BY_DEFERRAL: "test_a_recurring_task_deferred_once_fires_once",
    Reason.MISFIRE_SKIPPED: "test_a_suspended_machine_replays_no_tick",
    Reason.MISFIRE_COALESCED: "test_a_backlog_of_300_runs_is_bounded_and_recorded",
    Reason.HELD_BY_PAUSE: "test_a_pause_with_an_end_ends_by_itself",
    Reason.SKIP_REQUESTED: "test_skipped_occurrences_get_their_outcome_at_their_time",
    Reason.RESCHEDULED: "test_a_moved_occurrence_runs_at_its_new_time",
    Reason.SCHEDULE_CHANGED: "test_another_schedule_begins_now",
    Reason.DEPENDENCY_FAILED: "test_a_failure_cancels_or_is_ignored_as_asked",
    Reason.DEPENDENCY_UNMET: "test_a_failed_hour_of_another_day_does_not_block",
    Reason.TASK_CANCELLED: "test_a_cancel_between_claim_and_start_withdraws_the_run",
    Reason.QUARANTINED: "test_unreadable_tasks_are_quarantined_and_the_rest_run",
    Reason.NEXT_CHECK_CLAMPED: "test_a_check_beyond_the_bounds_is_moved",
    Reason.NEXT_CHECK_REFUSED: "test_a_wrong_next_check_keeps_the_outcome",
    Reason.LEASE_EXPIRED: "test_a_crashed_execution_fails_and_is_retried_by_on_lost",
    Reason.SHUTDOWN: "test_stopping_cancels_what_takes_too_long_and_says_so",
}
"""Of each code, a test that has an outcome with it."""


def rows() -> dict[str, list[str]]:
    """Return the cells of each row of the table of codes."""
    table = PAGE.read_text().split("## Reasons")[1].split("## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:3] == "| `"]
    return {found[0].strip("`"): found[1:] for found in cells}


def sources() -> dict[str, str]:
    """Return the text of each test that is named above."""
    found: dict[str, str] = {}
    for file in TESTS.rglob("test_*.py"):
        text = file.read_text()
        if not any(f"def {name}(" in text for name in SEEN_BY.values()):
            continue
        lines = text.splitlines()
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[node.name] = "\n".join(lines[node.lineno - 1 : node.end_lineno])
    return found


def test_each_code_is_seen_by_a_test() -> None:
    assert SEEN_BY.keys() == set(Reason)
    told = sources()
    unseen = [
        code
        for code, name in SEEN_BY.items()
        if f'"{code}"' not in told.get(name, "") and f"Reason.{code.name}" not in told.get(name, "")
    ]
    assert unseen == []


def test_each_code_has_a_row_in_the_documentation() -> None:
    told = rows()
    assert told.keys() == {str(each) for each in Reason}
    outcomes = {str(each) for each in ExecutionStatus} - {"running"}
    for code, (outcome, policy, advice) in told.items():
        assert {each.strip(" `") for each in outcome.split(",")} <= outcomes, code
        assert policy.startswith("[")
        assert advice
