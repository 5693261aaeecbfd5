"""Who serves which tasks: agreed on without a word, whoever comes and goes."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from zlib import crc32

from hypothesis import given, strategies as st

from remembrancer.engine.cluster.shards import SINGLE_REPLICA, assignments
from remembrancer.model.ids import SHARD_COUNT, new_id, shard_of
from remembrancer.stores.rows.due_key import due_key

REPLICAS = st.sets(st.text("abc0123_.", min_size=1, max_size=12), min_size=2, max_size=9)


def owners(live: set[str]) -> dict[int, list[str]]:
    """Who takes each share for its own."""
    mine = {each: assignments(each, live, 2.0)[0].shards or frozenset() for each in live}
    return {shard: [each for each in sorted(live) if shard in mine[each]] for shard in range(SHARD_COUNT)}


@given(REPLICAS)
def test_every_shard_has_one_owner_and_one_other_next_in_line(live: set[str]) -> None:
    served = {each: assignments(each, live, 2.0) for each in live}

    for place in (0, 1):
        shards = [shard for each in served.values() for shard in each[place].shards or ()]
        assert sorted(shards) == list(range(SHARD_COUNT))
    assert all(not (each[0].shards or set()) & (each[1].shards or set()) for each in served.values())


@given(REPLICAS, st.data())
def test_a_leaving_replica_moves_its_shards_to_the_next_in_line(live: set[str], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(sorted(live)))
    left = live - {gone}
    next_in_line = {each: assignments(each, live, 2.0)[1].shards or frozenset() for each in left}
    before, after = owners(live), owners(left) if len(left) > 1 else dict.fromkeys(range(SHARD_COUNT), sorted(left))

    for shard in range(SHARD_COUNT):
        if before[shard] != [gone]:
            assert after[shard] == before[shard]
        else:
            assert [each for each in sorted(left) if shard in next_in_line[each]] == after[shard]


def test_shares_are_dealt_about_evenly() -> None:
    live = {f"replica_{number}" for number in range(4)}

    sizes = [len(assignments(each, live, 2.0)[0].shards or ()) for each in live]
    assert sum(sizes) == SHARD_COUNT
    assert min(sizes) > SHARD_COUNT / 4 * 0.8
    assert max(sizes) < SHARD_COUNT / 4 * 1.2


def test_a_single_replica_serves_all_and_others_help_late_ones() -> None:
    assert assignments("a", {"a"}, 2.0) == assignments("a", set(), 2.0) == SINGLE_REPLICA
    assert [turn.late for turn in assignments("a", {"a", "b"}, 2.0)] == [timedelta(seconds=each) for each in (0, 2, 6)]
    assert assignments("a", {"a", "b"}, 2.0)[2].shards is None


@given(st.text(max_size=40), st.integers(0, 9_000_000_000_000))
def test_the_due_key_says_which_share_a_task_is_in(task_id: str, moment_ms: int) -> None:
    key = due_key(moment_ms, task_id)

    assert key is not None
    assert key % SHARD_COUNT == shard_of(task_id) == crc32(task_id.encode()) % SHARD_COUNT


def test_tasks_created_in_a_row_are_adjacent_in_the_due_index() -> None:
    made = [new_id("task", 1_767_225_600_000) for _ in range(3200)]

    due = sorted(made, key=lambda task_id: due_key(0, task_id) or 0)

    place = {task_id: number for number, task_id in enumerate(made)}
    apart = [abs(place[one] - place[next_one]) for one, next_one in pairwise(due)]
    assert sum(distance < 64 for distance in apart) >= len(apart) - 1  # but where the groups begin again
    assert len({due_key(0, task_id) for task_id in made}) > 0.95 * len(made)
