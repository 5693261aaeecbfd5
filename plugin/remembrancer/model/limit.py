"""Limits: how many executions may run at once, of all tasks, of one group, or under one concurrency key.

A limit may have a rate besides: a bucket of permits, of which each execution takes one when it begins. The bucket holds
`burst` permits at most, and gets a new one each `permit_us` microseconds.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from remembrancer.errors import InvalidInput
from remembrancer.model.circuit import CIRCUIT, Circuit
from remembrancer.model.constraints import label_form, read_label
from remembrancer.model.declarations import parts_of_declaration, read_declared
from remembrancer.model.overlap_key import circuit_key_of, overlap_key_of
from remembrancer.model.quota import is_quota, read_quota_key

if TYPE_CHECKING:
    from collections.abc import Collection

    from remembrancer.model.task import ScheduledTask

ALL: Final = "all"
"""The key of the limit of all executions."""
MOST_SLOTS: Final = 10_000
LONGEST_KEY: Final = 300
"""The most characters of the key of a limit: the longest names the thought of a quota."""
WAIT: Final = "slot:"
"""The begin of the wait keys of occurrences that wait for a slot of a limit."""
OVERLAP: Final = "overlap:"
"""The begin of the keys of those limits of one slot that overlap keys are."""
_GROUP: Final = "group:"
_KEY: Final = "key:"
_ALLOWED: Final = "`all`, `group:` and the name of a group, a concurrency key, or a quota such as `open:recurring`"
_UNITS_US: Final = {
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
}
_SHORT: Final = {"s": "second", "sec": "second", "m": "minute", "min": "minute", "h": "hour", "d": "day"}
_MOST_PERMITS: Final = 1_000_000
_AT_ONCE_US: Final = 100_000
"""Unless another burst is set, as many may begin at once as the rate allows in this time."""


class Rate(NamedTuple):
    """A number of executions that may begin in a time."""

    text: str
    """Such as `60/minute`."""
    permit_us: int
    """Microseconds from one permit to the next."""
    burst: int
    """The most permits that the bucket holds."""


class SlotHolder(BaseModel):
    """An execution that holds a slot of a limit."""

    model_config = ConfigDict(frozen=True)

    execution_id: str
    """The execution."""
    task_id: str | None = None
    """Its task."""
    task: str | None = None
    """The name of its task."""


class ConcurrencyLimit(BaseModel):
    """A limit, and who is in its way: executions hold its slots, and occurrences wait for one."""

    model_config = ConfigDict(frozen=True)

    key: str
    """`all`, `group:` and a group, `key:` and a concurrency key, `overlap:` and an overlap key, `circuit:` and a
    circuit key, or a quota such as `open:recurring`."""
    slots: int | None
    """The most executions at once, of a quota the most open tasks; None for no limit."""
    rate: str | None = None
    """The number that may begin in a time, such as `60/minute`; None for any number."""
    burst: int | None = None
    """The number of these that may begin at once after a quiet time; None without a rate."""
    next_at: datetime | None = None
    """The time (UTC) from which on the rate lets the next one begin; None if it does now, or without a rate."""
    taken: int = 0
    """The slots that are taken, of a quota the open tasks; 0 for one of each origin or each agent."""
    waiting: int = 0
    """The tasks whose occurrences wait for a slot."""
    holders: list[SlotHolder] = []
    """The executions that hold a slot, up to 100 of them."""
    circuit: Circuit | None = None
    """The state of a circuit; None for any other limit."""


def read_limit_key(key: object) -> str:
    """Return the key of a limit, in the form that tasks have theirs: a word alone is a concurrency key.

    Raises InvalidInput: it is no key, or no task could have it.
    """
    if not isinstance(key, str) or not key.strip() or len(key) > LONGEST_KEY or not key.isprintable():
        raise InvalidInput("key", key, _ALLOWED, "database")
    word = label_form(key.strip())
    if is_quota(word):
        return read_quota_key(key.strip())
    if word == ALL:
        return word
    kind = next((each for each in (_GROUP, _KEY) if word.startswith(each)), "")
    if not kind and ":" in word:
        raise InvalidInput("key", key, _ALLOWED, "group:garden")
    try:
        return (kind or _KEY) + read_label("key", word.removeprefix(kind), "database")
    except InvalidInput as fault:
        raise InvalidInput("key", key, f"{_ALLOWED}: {fault.allowed}", f"{kind}database") from fault


def read_slots(slots: object) -> int | None:
    """Return a number of slots; None for no limit. Raises InvalidInput."""
    if slots is None or (isinstance(slots, int) and not isinstance(slots, bool) and 0 <= slots <= MOST_SLOTS):
        return slots
    raise InvalidInput("slots", slots, f"a whole number from 0 to {MOST_SLOTS}, or none for no limit", 5)


def read_rate(rate: object, burst: object = None) -> Rate | None:
    """Return the rate of a text such as `60/minute`; None for no rate. Raises InvalidInput."""
    if burst is not None and (isinstance(burst, bool) or not isinstance(burst, int) or not 1 <= burst <= MOST_SLOTS):
        raise InvalidInput("burst", burst, f"a whole number from 1 to {MOST_SLOTS}, or none for the usual one", 10)
    if rate is None:
        if burst is not None:
            raise InvalidInput("burst", burst, "none without a rate", None)
        return None
    if isinstance(rate, str):
        number, _, word = (part.strip().lower() for part in rate.partition("/"))
        unit = _SHORT.get(word, word)
        if number.isdecimal() and len(number) <= len(str(_MOST_PERMITS)) and unit in _UNITS_US:
            count = int(number)
            if 1 <= count <= _MOST_PERMITS:
                permit_us = -(-_UNITS_US[unit] // count)
                usual = min(MOST_SLOTS, max(1, _AT_ONCE_US // permit_us))
                return Rate(f"{count}/{unit}", permit_us, usual if burst is None else burst)
    allowed = f"N/second, N/minute, N/hour or N/day with N from 1 to {_MOST_PERMITS}, or none for no rate"
    raise InvalidInput("rate", rate, allowed, "60/minute")


class DeclaredLimit(NamedTuple):
    """A limit as a file declares it."""

    key: str
    slots: int | None
    rate: Rate | None

    def is_met_by(self, limit: ConcurrencyLimit) -> bool:
        """Return whether a limit is as declared."""
        text, burst = (self.rate.text, self.rate.burst) if self.rate else (None, None)
        return (self.key, self.slots, text, burst) == (limit.key, limit.slots, limit.rate, limit.burst)


def read_limits(limits: object) -> list[DeclaredLimit]:
    """Return the limits of a file: by the key, the slots, or an object with `slots`, `rate`, `burst`.

    Raises InvalidInput.
    """
    return read_declared("limits", limits, _declared, example={"database": 3}, prefix=_KEY)


def _declared(key: str, value: object) -> DeclaredLimit:
    parts = parts_of_declaration(value, ("slots", "rate", "burst"), {"slots": 3})
    rate = read_rate(parts.get("rate"), parts.get("burst"))
    return DeclaredLimit(read_limit_key(key), read_slots(parts.get("slots")), rate)


def read_key_limit(text: str) -> tuple[str, int]:
    """Return the key and the slots of a text such as `database=3`. Raises InvalidInput."""
    key, sign, slots = text.rpartition("=")
    if not sign or not slots.isdecimal() or len(slots) > len(str(MOST_SLOTS)):
        raise InvalidInput("limit", text, "KEY=N, a concurrency key and its slots", "database=3")
    name, number = read_limit_key(key), read_slots(int(slots))
    if not name.startswith("key:") or number is None:
        raise InvalidInput("limit", text, "KEY=N, a concurrency key and its slots", "database=3")
    return name.removeprefix("key:"), number


def limit_keys_of(task: ScheduledTask, known: Collection[str]) -> tuple[str, ...]:
    """Return the keys of the limits under which *task* runs; *known* are those that the graph has."""
    keys = [ALL] if ALL in known else []
    if task.group is not None and known and _GROUP + task.group in known:
        keys.append(_GROUP + task.group)
    if task.concurrency_key is not None:
        keys.append(_KEY + task.concurrency_key)
    if task.overlap is not None and (overlap_key := overlap_key_of(task)) is not None:
        keys.append(OVERLAP + overlap_key)
    if task.circuit_key is not None and (circuit_key := circuit_key_of(task)) is not None:
        keys.append(CIRCUIT + circuit_key)
    return tuple(keys)


def wait_key_of(limit_key: str) -> str:
    """Return the wait key of occurrences that wait for a limit."""
    return limit_key if limit_key.startswith(CIRCUIT) else WAIT + limit_key


def limit_in(wait_key: str) -> str | None:
    """Return the limit that a wait key names; None for a wait for something else."""
    if wait_key.startswith(CIRCUIT):
        return wait_key
    return wait_key.removeprefix(WAIT) if wait_key.startswith(WAIT) else None


def first_slots(key: str) -> int | None:
    """Return the slots of a limit that was never set: of a concurrency or an overlap key one, else any number."""
    return 1 if key.startswith((_KEY, OVERLAP)) else None
