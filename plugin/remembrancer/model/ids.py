"""Ids in the specification's form, unique even when two are made in one clock tick."""

from __future__ import annotations

import secrets
from hashlib import blake2b
from itertools import count, product
from typing import Final
from zlib import crc32

_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_TAILS: Final = ["".join(letters) for letters in product(_ALPHABET, repeat=3)]
_MANY: Final = len(_TAILS)
# Counted from a random start: within one process no two ids share a tail before two thousand million have been made.
_numbers = count(secrets.randbelow(_MANY * _MANY))
_MINUTE_MS: Final = 60_000
_DIGEST_BYTES: Final = 8
SHARES: Final = 1000
"""How many shares the tasks of one graph fall into; the replicas deal the shares among themselves."""

LAST_ID: Final = "~"
"""Sorts after every id, and after every prefix with it behind."""


def new_id(prefix: str, now_ms: int) -> str:
    """Return an id such as `task_1723644600.123_9f3k2a`; ids made later sort later until the year 2286."""
    high, low = divmod(next(_numbers) % (_MANY * _MANY), _MANY)
    return f"{first_id(prefix, now_ms)}_{_TAILS[high]}{_TAILS[low]}"


def first_id(prefix: str, now_ms: int) -> str:
    """Return what sorts before every id made at *now_ms* or later, and after every one made before."""
    return f"{prefix}_{now_ms // 1000}.{now_ms % 1000:03d}"


def place_of(task_id: str) -> int:
    """Return the place of an id among those that its process made: the next one has the next place.

    Any other text has some place, the same for ever.
    """
    tail = task_id.rpartition("_")[2]
    try:
        return int(tail, len(_ALPHABET))
    except ValueError:
        return crc32(tail.encode())


def occurrence_key(task_id: str, nominal_ms: int, attempt: int) -> str:
    """Return the key that lets one attempt at one occurrence exist only once in a graph.

    The moment leads, so that the keys of now lie side by side: a key that led with its task would make every minute
    walk through the whole index, which after a million fires is larger than the memory for its pages.
    """
    return f"{nominal_ms}|{task_id}|{attempt}"


def execution_id_of(key: str, nominal_ms: int) -> str:
    """Return the id of the execution that has this occurrence key, such as `exec_1723644600.000_5d41402abc4b2a76`.

    One key has one id, in every process. Ids are unique in a graph, and so are occurrences with them: an index over
    the keys themselves, beside the one over the ids, would cost a tenth of every fire.
    """
    digest = blake2b(key.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{first_id('exec', nominal_ms)}_{digest}"


def next_attempt(key: str, attempt: int) -> str:
    """Return the occurrence key of another attempt at the occurrence that *key* is of."""
    return f"{key.rpartition('|')[0]}|{attempt}"


def share_of(task_id: str) -> int:
    """Return the share that the task is in for ever; the last three digits of its due key say it too."""
    return crc32(task_id.encode()) % SHARES


def minute_of(moment_ms: int) -> int:
    """Round *moment_ms* down to its whole minute: `time` nodes stand for minutes."""
    return moment_ms - moment_ms % _MINUTE_MS
