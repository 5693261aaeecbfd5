"""Shards: a replica serves its own at once, and those of others when they are late. Pure functions.

Each shard belongs to the live replica whose hash with it is highest (rendezvous hashing): all replicas agree on it
without communication, and one that joins or leaves moves only its own shards. Sharding affects throughput only:
correctness comes from the claim. Two replicas that see different lists sometimes lose a claim to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from remembrancer.model.ids import SHARD_COUNT

if TYPE_CHECKING:
    from collections.abc import Collection

_ALL_HELP: Final = 3
"""After this many help delays every replica helps, not only the second in line."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Tasks that a replica serves together: those of *shards* (None: all) once they are overdue by *late*."""

    shards: frozenset[int] | None
    late: timedelta = timedelta(0)


SINGLE_REPLICA: Final = (Assignment(None),)
"""The assignment of a single replica: everything, when it is due."""


def assignments(replica_id: str, live: Collection[str], delay_seconds: float) -> tuple[Assignment, ...]:
    """Return what *replica_id* serves among the *live* replicas, in the order it reads them.

    Its own shards come first. After *delay_seconds*, the second in line helps with an overdue shard: one helper, so
    that several replicas do not try the same claims. After three times that delay, all replicas help.
    """
    replicas = sorted({replica_id, *live})
    if len(replicas) == 1:
        return SINGLE_REPLICA
    scores = {each: _scores(each) for each in replicas}
    mine: set[int] = set()
    next_in_line: set[int] = set()
    for shard in range(SHARD_COUNT):
        first, second = sorted(replicas, key=lambda each: scores[each][shard], reverse=True)[:2]
        if first == replica_id:
            mine.add(shard)
        elif second == replica_id:
            next_in_line.add(shard)
    late = timedelta(seconds=delay_seconds)
    return Assignment(frozenset(mine)), Assignment(frozenset(next_in_line), late), Assignment(None, _ALL_HELP * late)


@lru_cache(maxsize=256)
def _scores(replica_id: str) -> tuple[bytes, ...]:
    """Return the hash of a replica with each share."""
    return tuple(blake2b(f"{replica_id}|{shard}".encode(), digest_size=8).digest() for shard in range(SHARD_COUNT))
