"""Who serves which tasks: agreed on without a word, whoever comes and goes."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from zlib import crc32

from hypothesis import given, strategies as st

from remembrancer.engine.cluster.shards import ALONE, assignments
from remembrancer.model.ids import SHARES, new_id, share_of
from remembrancer.stores.rows.due_key import due_key

REPLICAS = st.sets(st.text("abc0123_.", min_size=1, max_size=12), min_size=2, max_size=9)


def owners(live: set[str]) -> dict[int, list[str]]:
    """Who takes each share for its own."""
    mine = {each: assignments(each, live, 2.0)[0].shares or frozenset() for each in live}
    return {share: [each for each in sorted(live) if share in mine[each]] for share in range(SHARES)}


@given(REPLICAS)
def test_every_share_has_one_owner_and_one_other_who_is_next_in_line(live: set[str]) -> None:
    served = {each: assignments(each, live, 2.0) for each in live}

    for place in (0, 1):
        shares = [share for each in served.values() for share in each[place].shares or ()]
        assert sorted(shares) == list(range(SHARES))
    assert all(not (each[0].shares or set()) & (each[1].shares or set()) for each in served.values())


@given(REPLICAS, st.data())
def test_one_that_leaves_moves_only_its_own_shares_and_those_to_who_was_next_in_line(
    live: set[str], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(sorted(live)))
    left = live - {gone}
    next_in_line = {each: assignments(each, live, 2.0)[1].shares or frozenset() for each in left}
    before, after = owners(live), owners(left) if len(left) > 1 else dict.fromkeys(range(SHARES), sorted(left))

    for share in range(SHARES):
        if before[share] != [gone]:
            assert after[share] == before[share]
        else:
            assert [each for each in sorted(left) if share in next_in_line[each]] == after[share]


def test_shares_are_dealt_about_evenly() -> None:
    live = {f"replica_{number}" for number in range(4)}

    sizes = [len(assignments(each, live, 2.0)[0].shares or ()) for each in live]
    assert sum(sizes) == SHARES
    assert min(sizes) > SHARES / 4 * 0.8
    assert max(sizes) < SHARES / 4 * 1.2


def test_who_is_alone_serves_everything_at_once_and_others_are_helped_when_late() -> None:
    assert assignments("a", {"a"}, 2.0) == assignments("a", set(), 2.0) == ALONE
    assert [turn.late for turn in assignments("a", {"a", "b"}, 2.0)] == [timedelta(seconds=each) for each in (0, 2, 6)]
    assert assignments("a", {"a", "b"}, 2.0)[2].shares is None


@given(st.text(max_size=40), st.integers(0, 9_000_000_000_000))
def test_the_due_key_says_which_share_a_task_is_in(task_id: str, moment_ms: int) -> None:
    key = due_key(moment_ms, task_id)

    assert key is not None
    assert key % SHARES == share_of(task_id) == crc32(task_id.encode()) % SHARES


def test_tasks_made_one_after_the_other_lie_together_among_what_is_due_at_one_moment() -> None:
    made = [new_id("task", 1_767_225_600_000) for _ in range(3200)]

    due = sorted(made, key=lambda task_id: due_key(0, task_id) or 0)

    place = {task_id: number for number, task_id in enumerate(made)}
    apart = [abs(place[one] - place[next_one]) for one, next_one in pairwise(due)]
    assert sum(distance < 64 for distance in apart) >= len(apart) - 1  # but where the groups begin again
    assert len({due_key(0, task_id) for task_id in made}) > 0.95 * len(made)
