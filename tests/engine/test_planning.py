"""What a due task does now: every moment is accounted for, once, with a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cronsim import CronSim
from hypothesis import given, settings, strategies as st
from planned import plan

from remembrancer.errors import InvalidInput
from remembrancer.model.execution import Execution, ExecutionStatus, ExecutionType, Reason
from remembrancer.model.ids import execution_id_of, first_id, next_attempt, occurrence_key
from remembrancer.model.policy import Misfire
from remembrancer.model.task import ScheduledTask
from remembrancer.model.task_status import TaskStatus
from remembrancer.model.timestamps import from_ms, to_ms

if TYPE_CHECKING:
    from remembrancer.ports.writes import Claim

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RUNS = ExecutionStatus.RUNNING
MINUTE = timedelta(minutes=1)


def task_of(cron: str | None = "* * * * *", at: datetime = NOW, **choices: Any) -> ScheduledTask:
    fields = {"nominal_ms": to_ms(at), "next_run_ms": to_ms(at), **choices}
    return ScheduledTask(
        task_id="task_1",
        name="n",
        goal_description="g",
        trigger_prompt="p",
        origin_thought_id="t",
        created_at=NOW - timedelta(days=1),
        schedule_cron=cron,
        **fields,
    )


def moved(task: ScheduledTask, claim: Claim) -> ScheduledTask:
    """The task as the store leaves it after the claim."""
    change: dict[str, Any] = {
        "next_run_ms": claim.next_run_ms,
        "nominal_ms": claim.next_nominal_ms,
        "status": claim.task_status,
    }
    if claim.ends_deferral:
        change["deferral_id"] = None
    return task.model_copy(update=change)


def plan_all(task: ScheduledTask, now: datetime) -> list[Execution]:
    """Claim until nothing is due any more, as the checker does."""
    made: list[Execution] = []
    while task.next_run_ms is not None and task.next_run_ms <= to_ms(now):
        claim = plan(task, to_ms(now), "replica")
        made.append(claim.execution)
        task = moved(task, claim)
        assert len(made) < 10_000
    return made


def told(made: list[Execution]) -> list[tuple[str, int]]:
    return [(execution.status.value, execution.occurrences) for execution in made]


def oracle(cron: str, start: datetime, end: datetime) -> list[datetime]:
    """The moments after *start* up to *end*, as somebody else's cron reads them."""
    found: list[datetime] = []
    for moment in CronSim(cron, start):
        if moment > end:
            return found
        found.append(moment)
    raise AssertionError("cron never ends")


def test_a_one_time_task_runs_and_has_nothing_ahead() -> None:
    claim = plan(task_of(None), to_ms(NOW), "replica")
    assert (claim.execution.status, claim.execution.execution_type) == (RUNS, ExecutionType.ONE_TIME)
    assert (claim.next_run_ms, claim.next_nominal_ms, claim.task_status) == (None, None, TaskStatus.ACTIVE)
    assert claim.execution.nominal_at == claim.execution.triggered_at == NOW


@pytest.mark.parametrize("misfire", [Misfire.RUN_ONCE, Misfire.RUN_ALL])
def test_a_one_time_task_runs_however_late(misfire: Misfire) -> None:
    claim = plan(task_of(None, misfire=misfire), to_ms(NOW + timedelta(days=300)), "replica")
    assert (claim.execution.status, claim.execution.nominal_at) == (RUNS, NOW)


def test_a_task_created_late_is_late_from_its_creation_on() -> None:
    late = task_of(None, at=NOW - 3 * MINUTE).model_copy(update={"created_at": NOW - MINUTE})

    assert plan(late, to_ms(NOW), "replica_a").execution.trigger_delay_ms == 60_000
    assert plan(task_of(None, at=NOW - 3 * MINUTE), to_ms(NOW), "replica_a").execution.trigger_delay_ms == 180_000


def test_a_late_one_time_task_with_skip_is_missed_and_failed() -> None:
    task = task_of(None, misfire=Misfire.SKIP)
    assert plan(task, to_ms(NOW + timedelta(seconds=60)), "replica").execution.status is RUNS
    claim = plan(task, to_ms(NOW + timedelta(seconds=60, milliseconds=1)), "replica")
    assert claim.execution.status is ExecutionStatus.MISSED
    assert claim.execution.reason_code is Reason.MISFIRE_SKIPPED
    assert (claim.next_run_ms, claim.task_status) == (None, TaskStatus.FAILED)


def test_a_cron_task_runs_and_goes_on_to_its_next_moment() -> None:
    claim = plan(task_of("*/5 * * * *"), to_ms(NOW), "replica")
    assert (claim.execution.status, claim.execution.execution_type) == (RUNS, ExecutionType.CRON)
    assert claim.next_run_ms == claim.next_nominal_ms == to_ms(NOW + 5 * MINUTE)


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ({"misfire": "skip"}, [("missed", 9), ("running", 1), ("running", 1)]),
        ({"misfire": "run_once"}, [("missed", 9), ("running", 1), ("running", 1)]),
        ({"misfire": "run_all"}, [("running", 1)] * 11),
        ({"misfire": "run_all", "misfire_limit": 3}, [("missed", 6), *[("running", 1)] * 5]),
        ({"misfire": "skip", "misfire_grace_seconds": 0.0}, [("missed", 10), ("running", 1)]),
        ({"misfire": "run_once", "misfire_grace_seconds": 600.0}, [("running", 1)] * 11),
    ],
)
def test_moments_found_late_are_served_as_the_task_wishes(
    choices: dict[str, Any], expected: list[tuple[str, int]]
) -> None:
    """Found at 9:10:00 sharp: 9:00 to 9:08 are later than the grace of a minute, 9:09 and 9:10 are not."""
    made = plan_all(task_of(**choices), NOW + 10 * MINUTE)
    assert told(made) == expected
    assert {each.reason_code for each in made if each.status is not RUNS} <= {
        Reason.MISFIRE_SKIPPED,
        Reason.MISFIRE_COALESCED,
    }


def test_run_once_runs_the_latest_late_one_and_skip_runs_none() -> None:
    found = NOW + timedelta(hours=3, minutes=30)
    ran = plan_all(task_of("0 * * * *"), found)
    assert told(ran) == [("missed", 3), ("running", 1)]
    assert ran[-1].nominal_at == NOW + timedelta(hours=3)
    assert told(plan_all(task_of("0 * * * *", misfire="skip"), found)) == [("missed", 4)]


@pytest.mark.parametrize("misfire", Misfire)
def test_a_long_outage_is_accounted_for_completely_at_once(misfire: Misfire) -> None:
    minutes = 4321
    made = plan_all(task_of(misfire=misfire, misfire_limit=10), NOW + minutes * MINUTE)
    assert sum(each.occurrences for each in made) == minutes + 1
    assert sum(each.occurrences > 1 for each in made) == 1
    ran = [each for each in made if each.status is RUNS]
    assert ran[-1].nominal_at == NOW + minutes * MINUTE
    assert len(ran) == (12 if misfire is Misfire.RUN_ALL else 2)


def test_a_deferred_recurring_task_runs_once_for_all_held_times() -> None:
    until = NOW + timedelta(minutes=30, seconds=30)
    task = task_of("*/10 * * * *", next_run_ms=to_ms(until), deferral_id="defer_1")
    made = plan_all(task, until)
    assert told(made) == [("deferred", 4), ("running", 1)]
    assert made[0].reason_code is Reason.HELD_BY_DEFERRAL
    assert (made[0].nominal_at, made[0].last_nominal_at) == (NOW, NOW + 30 * MINUTE)
    assert (made[1].execution_type, made[1].nominal_at) == (ExecutionType.DEFERRED, until)
    claim = plan(task.model_copy(update={"nominal_ms": to_ms(NOW + 40 * MINUTE)}), to_ms(until), "replica")
    assert claim.ends_deferral
    assert claim.next_run_ms == claim.next_nominal_ms == to_ms(NOW + 40 * MINUTE)


def test_a_deferral_to_a_moment_of_the_schedule_fires_there_once() -> None:
    until = NOW + 20 * MINUTE
    made = plan_all(task_of("*/10 * * * *", next_run_ms=to_ms(until), deferral_id="defer_1"), until)
    assert told(made) == [("deferred", 2), ("running", 1)]
    assert made[-1].nominal_at == until


def test_a_deferral_before_the_next_occurrence_leaves_it_alone() -> None:
    until = NOW + 5 * MINUTE
    task = task_of("*/10 * * * *", NOW + 10 * MINUTE, next_run_ms=to_ms(until), deferral_id="defer_1")
    claim = plan(task, to_ms(until), "replica")
    assert (claim.execution.status, claim.execution.nominal_at) == (RUNS, until)
    assert claim.next_run_ms == to_ms(NOW + 10 * MINUTE)


def test_a_long_hold_is_accounted_for_at_once() -> None:
    until = NOW + 2005 * MINUTE
    made = plan_all(task_of(next_run_ms=to_ms(until), deferral_id="defer_1"), until)
    assert sum(each.occurrences for each in made if each.status is ExecutionStatus.DEFERRED) == 2005
    assert told(made)[-1] == ("running", 1)
    assert len({each.occurrence_key for each in made}) == len(made)


@pytest.mark.parametrize(
    ("choices", "day", "expected"),
    [
        ({}, "2026-03-29", ["2026-03-29T01:00:00+00:00"]),
        ({"gap": "skip"}, "2026-03-29", []),
        ({}, "2026-10-25", ["2026-10-25T00:30:00+00:00"]),
        ({"fold": "last"}, "2026-10-25", ["2026-10-25T01:30:00+00:00"]),
        ({"fold": "both"}, "2026-10-25", ["2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00"]),
    ],
)
def test_clock_changes_follow_the_policies_of_the_task(choices: dict[str, str], day: str, expected: list[str]) -> None:
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00") - timedelta(days=1)
    task = task_of("30 2 * * *", start, timezone="Europe/Berlin", misfire="run_all", **choices)
    first = plan(task, to_ms(start), "replica")
    assert first.next_run_ms is not None
    made = plan_all(moved(task, first), start + timedelta(days=2, hours=-1))
    assert [each.nominal_at.isoformat() for each in made if each.nominal_at.isoformat()[:10] == day] == expected


def test_a_schedule_that_cannot_be_read_is_refused_not_run() -> None:
    with pytest.raises(InvalidInput):
        plan(task_of("every monday"), to_ms(NOW), "replica")
    with pytest.raises(InvalidInput):
        plan(task_of(timezone="Mars/Olympus"), to_ms(NOW), "replica")


@settings(max_examples=40)
@given(
    cron=st.sampled_from(["* * * * *", "*/7 * * * *", "5,35 */2 * * *", "0 9 * * 1-5", "30 4 1,15 * *"]),
    misfire=st.sampled_from(Misfire),
    limit=st.integers(1, 30),
    grace=st.floats(0, 7200),
    gaps=st.lists(st.integers(0, 60_000), min_size=1, max_size=8),
)
def test_every_occurrence_is_accounted_for_once_after_outages(
    cron: str, misfire: Misfire, limit: int, grace: float, gaps: list[int]
) -> None:
    first = next(CronSim(cron, NOW))
    task = task_of(cron, first, misfire=misfire, misfire_limit=limit, misfire_grace_seconds=grace)
    accounted: list[tuple[datetime, datetime, int]] = []
    now = NOW
    for seconds in gaps:
        now += timedelta(seconds=seconds)
        while task.next_run_ms is not None and from_ms(task.next_run_ms) <= now:
            claim = plan(task, to_ms(now), "replica")
            made = claim.execution
            accounted.append((made.nominal_at, made.last_nominal_at or made.nominal_at, made.occurrences))
            task = moved(task, claim)
    moments = oracle(cron, NOW, now)
    assert sum(occurrences for *_, occurrences in accounted) == len(moments)
    place = 0
    for start, end, occurrences in accounted:
        assert (start, end) == (moments[place], moments[place + occurrences - 1])
        place += occurrences


def test_occurrence_keys_sort_by_time_for_any_task() -> None:
    early, late = 1_000_000_000_000, 1_000_000_000_001
    keys = [occurrence_key("task_z", early, 1), next_attempt(occurrence_key("task_z", early, 1), 2)]
    keys += [occurrence_key("task_a", late, 1), occurrence_key("task_b", late, 1)]
    assert keys == sorted(set(keys))
    assert keys[1] == occurrence_key("task_z", early, 2)


def test_execution_ids_sort_by_time_and_are_unique() -> None:
    moments = (1_000_000_000_000, 1_000_000_000_001)
    tasks = [f"task_{number}" for number in range(1000)]
    early, late = (
        {execution_id_of(occurrence_key(task, moment, attempt), moment) for task in tasks for attempt in (1, 2)}
        for moment in moments
    )
    assert (len(early), len(late)) == (2000, 2000)
    assert first_id("exec", moments[0]) < min(early)
    assert max(early) < first_id("exec", moments[1]) < min(late)
