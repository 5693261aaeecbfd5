"""The laws of dependencies: windows, outcomes, verdicts, and the policy that follows from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from remembrancer.model.dependency import Dependency, OnFailure, TriggerRule
from remembrancer.model.execution import Reason
from remembrancer.model.task import ScheduledTask
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.decision import Park, PlanContext, Run, Situation, Skip
from remembrancer.policies.dependencies.joins import joined, verdict, window_of
from remembrancer.policies.dependencies.policy import asked_again_ms, dependencies, task_in
from remembrancer.ports.dependencies import FoundOutcome, Joined

DAY = datetime(2026, 3, 3, tzinfo=UTC)
HOUR_MS = 3_600_000
OTHER = "task_other"


def a_task(**fields: Any) -> ScheduledTask:
    at_ms = to_ms(DAY)
    made: dict[str, Any] = {
        "task_id": "task_own",
        "name": "Own",
        "goal_description": "g",
        "trigger_prompt": "p",
        "origin_thought_id": "t",
        "created_at": DAY - timedelta(days=9),
        "schedule_cron": "0 0 * * *",
        "next_run_ms": at_ms,
        "nominal_ms": at_ms,
        "depends_on": (Dependency(OTHER),),
        **fields,
    }
    return ScheduledTask.model_validate(made)


def another(**fields: Any) -> ScheduledTask:
    ahead_ms = to_ms(DAY + timedelta(hours=1))
    given = {"schedule_cron": "0 * * * *", "nominal_ms": ahead_ms, "next_run_ms": ahead_ms, **fields}
    return a_task(**{"task_id": OTHER, "name": "Other", "depends_on": (), **given})


def a_run(hours: float, status: str = "completed", **fields: Any) -> FoundOutcome:
    """An execution so many hours after the day began, which took a minute."""
    at_ms = to_ms(DAY) + int(hours * HOUR_MS)
    made: dict[str, Any] = {
        "execution_id": f"exec_{at_ms}_{fields.get('attempt', 1)}",
        "execution_type": "cron_trigger",
        "status": status,
        "attempt": 1,
        "occurrences": 1,
        "nominal_ms": at_ms,
        "completed_ms": None if status == "running" else at_ms + 60_000,
        "reason_code": None,
        "reason": None,
        "result": None,
        "makes_up_ms": None,
        **fields,
    }
    return FoundOutcome(**made)


def joint(*runs: FoundOutcome, other: ScheduledTask | None = None, **fields: Any) -> Joined:
    own, dependency, other = a_task(), Dependency(OTHER, **fields), other or another()
    return joined(dependency, window_of(own, dependency, to_ms(DAY), other), other, runs)


def decided(joints: list[Joined], minutes: float = 2, **fields: Any) -> object:
    context = PlanContext(to_ms(DAY) + int(minutes * 60_000), "replica")
    return dependencies(a_task(**fields), Situation({"task_own": tuple(joints)}), context)


def test_a_window_begins_after_the_occurrence_before() -> None:
    own, other = a_task(), another()
    sought = window_of(own, Dependency(OTHER), to_ms(DAY), other)
    assert (sought.from_ms, sought.until_ms) == (to_ms(DAY - timedelta(days=1)) + 1, to_ms(DAY))
    hours = window_of(own, Dependency(OTHER, window="3h"), to_ms(DAY), other)
    assert hours.from_ms == to_ms(DAY) - 3 * HOUR_MS + 1
    latest = window_of(own, Dependency(OTHER, window="latest"), to_ms(DAY), other)
    assert latest.from_ms == latest.until_ms
    once = window_of(own, Dependency(OTHER), to_ms(DAY), another(schedule_cron=None))
    assert once.from_ms == 0
    assert once.until_ms > to_ms(DAY + timedelta(days=9_999))


def test_an_occurrence_ahead_or_under_way_is_pending() -> None:
    late = another(nominal_ms=to_ms(DAY), next_run_ms=to_ms(DAY))
    assert joint(a_run(-1), other=late).is_pending
    assert joint(a_run(-1), a_run(0, "running")).is_pending
    assert joint().is_pending
    assert not joint(a_run(-1), a_run(0)).is_pending
    assert not joint(other=another(status="COMPLETE", nominal_ms=None, next_run_ms=None)).is_pending


def test_the_last_attempt_counts() -> None:
    again = joint(a_run(0, "failed"), a_run(0, attempt=2))
    assert [each.status for each in again.outcomes] == ["completed"]
    assert joint(a_run(0, "failed"), a_run(0, "running", attempt=2)).is_pending


def test_a_deferred_run_stands_in_for_its_occurrence() -> None:
    assert joint(a_run(0, "deferred")).is_pending
    later = a_run(2, execution_type="deferred_trigger")
    assert [each.nominal_ms for each in joint(a_run(0, "deferred"), later).outcomes] == [later.nominal_ms]


@pytest.mark.parametrize("how", ["manual", "backfill"])
def test_a_completed_run_mends_an_earlier_failure(how: str) -> None:
    mend = {"execution_type": "manual_trigger"} if how == "manual" else {"makes_up_ms": to_ms(DAY)}
    assert [each.status for each in joint(a_run(0, "failed"), a_run(1, **mend)).outcomes] == ["completed"]
    assert [each.status for each in joint(a_run(0, "failed"), a_run(1, "failed", **mend)).outcomes] == ["failed"]


@pytest.mark.parametrize(
    ("rule", "statuses", "answer"),
    [
        (None, ("completed", "completed"), "ready"),
        (None, ("completed", "skipped"), "blocked"),
        (None, ("completed", "running"), "waits"),
        (None, ("failed", "running"), "blocked"),
        (TriggerRule.ANY_SUCCEEDED, ("completed", "running"), "ready"),
        (TriggerRule.ANY_SUCCEEDED, ("failed", "running"), "waits"),
        (TriggerRule.ANY_SUCCEEDED, ("failed", "missed"), "blocked"),
        (TriggerRule.ALL_DONE, ("failed", "missed"), "ready"),
        (TriggerRule.ALL_DONE, ("failed", "running"), "waits"),
        (TriggerRule.NONE_FAILED, ("completed", "skipped"), "ready"),
        (TriggerRule.NONE_FAILED, ("completed", "cancelled"), "blocked"),
    ],
)
def test_a_rule_reads_outcomes(rule: TriggerRule | None, statuses: tuple[str, str], answer: str) -> None:
    found = verdict(rule, [joint(a_run(0, each)) for each in statuses])
    said = "ready" if found.ready_ms is not None else "blocked" if found.is_blocked else "waits"
    assert (said, found.is_cancelled) == (answer, False)


def test_a_failure_has_the_effect_that_was_asked_for() -> None:
    failed = [joint(a_run(0, "failed"), on_failure=each) for each in OnFailure]
    blocked, ignored, cancelled = (verdict(None, [each]) for each in failed)
    assert blocked.is_blocked
    assert ignored.ready_ms == to_ms(DAY) + 60_000
    assert cancelled.is_cancelled
    assert verdict(None, failed).is_cancelled


def test_a_delay_counts_from_the_last_outcome() -> None:
    assert verdict(None, [joint(a_run(0), delay="5m"), joint(a_run(0))]).ready_ms == to_ms(DAY) + 6 * 60_000
    decision = decided([joint(a_run(0), delay="5m")])
    assert isinstance(decision, Park)
    assert task_in(decision.wait_key) == OTHER
    assert "2026-03-03T00:06:00" in decision.reason


def test_a_task_without_dependencies_is_left_alone() -> None:
    assert decided([], depends_on=()) is None


def test_what_is_met_in_time_is_left_to_other_policies() -> None:
    early = joint(a_run(-1), a_run(0, completed_ms=to_ms(DAY)))
    assert decided([early], minutes=120) is None


def test_what_waited_runs_within_the_grace_from_then_on() -> None:
    late = joint(a_run(0, completed_ms=to_ms(DAY) + 5 * HOUR_MS))
    assert isinstance(decided([late], minutes=300.5, misfire="skip"), Run)
    assert decided([late], minutes=400, misfire="skip") is None


def test_what_is_cancelled_ends_with_the_reason() -> None:
    decision = decided([joint(a_run(0, "failed", reason="No."), on_failure=OnFailure.CANCEL)])
    assert isinstance(decision, Skip)
    assert (decision.code, decision.next_run_ms) == (Reason.DEPENDENCY_FAILED, to_ms(DAY + timedelta(days=1)))
    assert decision.reason.endswith(": No.")


def test_what_is_unmet_when_the_next_is_due_is_missed() -> None:
    waiting = [joint(a_run(0, "failed"))]
    decision = decided(waiting, minutes=3 * 1440)
    assert isinstance(decision, Skip)
    assert (decision.code, decision.occurrences.occurrences) == (Reason.DEPENDENCY_UNMET, 3)
    assert decision.next_run_ms == to_ms(DAY + timedelta(days=3))
    assert isinstance(decided(waiting, minutes=3 * 1440, misfire="run_all"), Park)


def test_a_paused_task_is_left_to_its_pause() -> None:
    waiting = [joint(a_run(0, "running"))]
    held = {"paused_at": DAY - timedelta(hours=1), "paused_until": DAY + timedelta(seconds=60)}
    assert isinstance(decided(waiting, **held), Park)
    assert decided(waiting, **held, misfire="skip") is None
    assert decided(waiting, paused_at=DAY - timedelta(hours=1)) is None


def test_a_task_is_asked_again_when_it_is_due_once_more() -> None:
    situation = Situation({"task_own": (joint(a_run(0, "running")),)})
    context = PlanContext(to_ms(DAY), None)
    assert asked_again_ms(a_task(), situation, context) == to_ms(DAY + timedelta(days=1))
    assert asked_again_ms(a_task(misfire="run_all"), situation, context) > to_ms(DAY + timedelta(days=9_999))
