"""Cues as pure functions: the occurrences that new matches become, and the room for them."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from remembrancer import Cue
from remembrancer.model.addition import MOST_ADDITIONS
from remembrancer.model.request import ScheduleRequest
from remembrancer.operations.validation import validate
from remembrancer.policies.additions import pending_additions
from remembrancer.policies.cues import cued, has_room, place_in
from remembrancer.policies.matches import KEY, matches_of

if TYPE_CHECKING:
    from remembrancer.model.task import ScheduledTask

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


def a_cue(**fields: Any) -> ScheduledTask:
    request = ScheduleRequest("cue", "g", "p", "t", schedule=Cue("MATCH (n) RETURN n.id AS match", **fields))
    return validate(request, NOW, 0.0, {})


def rows(first: int, last: int) -> list[dict[str, object]]:
    return [{"match": each} for each in range(first, last + 1)]


def with_outcomes(task: ScheduledTask, count: int) -> ScheduledTask:
    """Return the task after so many of its pending occurrences."""
    left = pending_additions(task)[count:]
    first_ms = left[0].at_ms if left else None
    return task.model_copy(update={"nominal_ms": first_ms, "next_run_ms": first_ms})


def test_more_matches_than_additions_come_in_turns() -> None:
    task, ran, now_ms = a_cue(), list[object](), NOW_MS
    task = cued(task, matches_of(rows(1, 600)), now_ms, now_ms)
    assert has_room(task, place_in(task))
    task = cued(task, matches_of(rows(601, 1500)), now_ms + 1, now_ms + 1)
    assert (len(pending_additions(task)), len(place_in(task).waiting)) == (MOST_ADDITIONS, 500)
    assert not has_room(task, place_in(task))
    while pending_additions(task):
        now_ms += 5_000
        count = random.Random(len(ran)).randint(1, 700)
        ran += [each.detail["match"] for each in pending_additions(task)[:count]]
        task = with_outcomes(task, count)
        task = cued(task, None, now_ms, now_ms)
    assert ran == list(range(1, 1501))


def test_times_of_matches_are_distinct_and_in_order() -> None:
    task = cued(a_cue(), matches_of(rows(1, 50)), NOW_MS, NOW_MS)
    task = cued(task, matches_of(rows(1, 90)), NOW_MS, NOW_MS)
    times = [each.at_ms for each in pending_additions(task)]
    assert times == sorted(set(times))
    assert [each.detail["match"] for each in pending_additions(task)] == list(range(1, 91))
    assert task.next_run_ms == times[0]


def test_an_answer_without_news_leaves_the_task_alone() -> None:
    task = cued(a_cue(), matches_of(rows(1, 5)), NOW_MS, NOW_MS)
    assert cued(task, matches_of(reversed(rows(1, 5))), NOW_MS + 9, NOW_MS + 9) is task


def test_keys_of_all_matches_stay_small() -> None:
    task = cued(a_cue(), matches_of(rows(1, 1000)), NOW_MS, NOW_MS)
    assert len(task.watch or "") < 1000 * KEY + 100
    assert len(set(place_in(task).seen or ())) == 1000


def test_rows_are_told_apart_by_their_values() -> None:
    given: list[dict[str, object]] = [
        {"a": 1, "b": "x"},
        {"b": "x", "a": 1},
        {"a": 1, "b": "y"},
        {"a": float("nan"), "b": NOW},
        {"match": None, "b": 1},
        {"match": None, "b": 2},
    ]
    found = matches_of(given)
    assert [each.detail for each in found] == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": "nan", "b": "2026-03-02T09:00:00Z"},
        {"match": None, "b": 1},
    ]
