"""The codes of reasons: closed, each with a test that sees it, and each with a row in the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from remembrancer import ExecutionStatus, Reason

TESTS: Final = Path(__file__).parent.parent
PAGE: Final = TESTS.parent / "docs" / "concepts" / "every-occurrence.md"
SEEN_BY: Final = {
    "handler_failed": "test_a_retry_that_cannot_be_read_is_a_failure",
    "handler_raised": "test_the_next_check_is_when_the_handler_says",
    "retry_requested": "test_a_rate_limit_s_retry_after_is_kept_to_the_second",
    "worker_lost": "test_the_work_of_a_lost_worker_comes_back",
    "timed_out": "test_an_attempt_that_runs_too_long_is_followed_by_another",
    "deferred_by_handler": "test_a_chain_ends_with_a_run_that_is_not_deferred",
    "asked": "test_a_pause_holds_an_answered_run",
    "no_answer": "test_no_answer_is_no_refusal",
    "answered_no": "test_a_refusal_skips_the_run_by_its_own_reason",
    "deferrals_exhausted": "test_a_run_deferred_too_often_fails_by_its_own_reason",
    "timer_refused": "test_a_deferral_of_a_handler_is_refused_with_a_reason",
    "held_by_deferral": "test_a_recurring_task_deferred_once_fires_once",
    "misfire_skipped": "test_a_suspended_machine_replays_no_tick",
    "misfire_coalesced": "test_a_backlog_of_300_runs_is_bounded_and_recorded",
    "misfire_too_old": "test_what_is_too_old_is_not_caught_up_with",
    "deadline_passed": "test_an_occurrence_that_waits_is_missed_at_its_deadline",
    "held_by_pause": "test_a_pause_with_an_end_ends_by_itself",
    "held_by_halt": "test_a_recurring_task_makes_up_as_its_misfire_says",
    "skip_requested": "test_skipped_occurrences_get_their_outcome_at_their_time",
    "rescheduled": "test_a_moved_occurrence_runs_at_its_new_time",
    "budget_exhausted": "test_runs_end_with_their_budget",
    "schedule_changed": "test_another_schedule_begins_now",
    "dependency_failed": "test_a_failure_cancels_or_is_ignored_as_asked",
    "dependency_unmet": "test_a_failed_hour_of_another_day_does_not_block",
    "overlap": "test_skip_names_what_is_in_the_way",
    "replaced": "test_terminate_other_does_not_wait_for_the_handler",
    "task_cancelled": "test_a_cancel_between_claim_and_start_withdraws_the_run",
    "stopped_by_halt": "test_what_runs_is_asked_to_stop_if_it_is_to",
    "quarantined": "test_unreadable_tasks_are_quarantined_and_the_rest_run",
    "next_check_clamped": "test_a_check_beyond_the_bounds_is_moved",
    "next_check_refused": "test_a_wrong_next_check_keeps_the_outcome",
    "lease_expired": "test_a_crashed_execution_fails_and_is_retried_by_on_lost",
    "shutdown": "test_stopping_cancels_what_takes_too_long_and_says_so",
}
"""Of each code, a test that has an outcome with it."""


def rows() -> dict[str, list[str]]:
    """Return the cells of each row of the table of codes."""
    table = PAGE.read_text().split("## Reasons")[1].split("## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:3] == "| `"]
    return {found[0].strip("`"): found[1:] for found in cells}


def sources() -> dict[str, str]:
    """Return the text of the file of each test that is named above."""
    texts = [file.read_text() for file in TESTS.rglob("test_*.py")]
    return {name: text for name in SEEN_BY.values() for text in texts if f"def {name}(" in text}


def test_each_code_is_seen_by_a_test() -> None:
    told = sources()
    unseen = [
        code
        for code in Reason
        if f'"{code}"' not in (text := told.get(SEEN_BY[code], "")) and f"Reason.{code.name}" not in text
    ]
    assert unseen == []


def test_each_code_has_a_row_in_the_documentation() -> None:
    told = rows()
    assert told.keys() == SEEN_BY.keys() == set(Reason)
    outcomes = {str(each) for each in ExecutionStatus} - {"running"}
    for code, (outcome, policy, advice) in told.items():
        assert {each.strip(" `") for each in outcome.split(",")} <= outcomes, code
        assert policy.startswith("[")
        assert advice
