"""Ids in the specification's form, unique even if two are created in one clock tick."""

from __future__ import annotations

import os
import secrets
from hashlib import blake2b
from itertools import count, product
from typing import Final
from zlib import crc32

_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_TAILS: Final = ["".join(letters) for letters in product(_ALPHABET, repeat=3)]
_MANY: Final = len(_TAILS)
# Counted from a random start: one process repeats a tail only after two thousand million ids.
_numbers: Final = [count(secrets.randbelow(_MANY * _MANY))]
_MINUTE_MS: Final = 60_000
_DIGEST_BYTES: Final = 8
SHARD_COUNT: Final = 1000
"""The number of shards of a graph's tasks, which are distributed among the replicas."""

LAST_ID: Final = "~"
"""Sorts after every id; as a suffix, it sorts after every id with the same prefix."""


def new_id(prefix: str, now_ms: int) -> str:
    """Return an id such as `task_1723644600.123_9f3k2a`; later ids sort after earlier ones until the year 2286."""
    high, low = divmod(next(_numbers[0]) % (_MANY * _MANY), _MANY)
    return f"{first_id(prefix, now_ms)}_{_TAILS[high]}{_TAILS[low]}"


def _begin_again() -> None:
    """Count from another start in a fork: workers that a server forks at one time would give the same ids."""
    _numbers[0] = count(secrets.randbelow(_MANY * _MANY))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)


def first_id(prefix: str, now_ms: int) -> str:
    """Return a text that sorts before every id created at *now_ms* or later, and after every earlier one."""
    return f"{prefix}_{now_ms // 1000}.{now_ms % 1000:03d}"


def place_of(task_id: str) -> int:
    """Return the sequence number of an id within its process; consecutive ids have consecutive numbers.

    Any other text has an arbitrary but constant number.
    """
    tail = task_id.rpartition("_")[2]
    try:
        return int(tail, len(_ALPHABET))
    except ValueError:
        return crc32(tail.encode())


def occurrence_key(task_id: str, nominal_ms: int, attempt: int) -> str:
    """Return the unique key of one attempt at one occurrence in a graph.

    It begins with the time, so that current keys are adjacent in the index: keys that began with the task would
    spread the writes of each minute over the whole index, which outgrows the page cache after a million fires.
    """
    return f"{nominal_ms}|{task_id}|{attempt}"


def execution_id_of(key: str, nominal_ms: int) -> str:
    """Return the execution id of this occurrence key, such as `exec_1723644600.000_5d41402abc4b2a76`.

    The id is derived from the key, so that the unique index over ids makes occurrences unique too: a second index
    over the keys themselves would cost a tenth of every fire.
    """
    digest = blake2b(key.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{first_id('exec', nominal_ms)}_{digest}"


def follow_up_id_of(key: str, nominal_ms: int) -> str:
    """Return the id of the follow-up of a missed occurrence, derived from its key: it is made once."""
    digest = blake2b(key.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{first_id('task', nominal_ms)}_{digest}"


def attempt_id(execution_id: str, attempt: int) -> str:
    """Return the id of another attempt at the occurrence of *execution_id*: it sorts after the attempts before it."""
    begin, _, tail = execution_id.rpartition("_")
    first = f"{begin}_{tail.partition('.')[0]}"
    return first if attempt == 1 else f"{first}.{attempt:04d}"


def next_attempt(key: str, attempt: int) -> str:
    """Return the key of another attempt at the occurrence of *key*."""
    return f"{key.rpartition('|')[0]}|{attempt}"


def shard_of(task_id: str) -> int:
    """Return the task's permanent shard, which is also the last three digits of its due key."""
    return crc32(task_id.encode()) % SHARD_COUNT


def minute_of(time_ms: int) -> int:
    """Round *time_ms* down to the minute, which is the resolution of `time` nodes."""
    return time_ms - time_ms % _MINUTE_MS
