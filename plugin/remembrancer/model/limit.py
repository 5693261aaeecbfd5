"""Limits: how many executions may run at once, of all tasks, of one group, or under one concurrency key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection

    from remembrancer.model.task import ScheduledTask

ALL: Final = "all"
"""The key of the limit of all executions."""
MOST_SLOTS: Final = 10_000
WAIT: Final = "slot:"
"""The begin of the wait keys of occurrences that wait for a slot of a limit."""
_GROUP: Final = "group:"
_KEY: Final = "key:"
_LONGEST: Final = 100


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
    """`all`, `group:` and a group, or `key:` and a concurrency key."""
    slots: int | None
    """The most executions at once; None for no limit."""
    taken: int = 0
    """The slots that are taken."""
    waiting: int = 0
    """The tasks whose occurrences wait for a slot."""
    holders: list[SlotHolder] = []
    """The executions that hold a slot, up to 100 of them."""


def read_limit_key(key: object) -> str:
    """Return the key of a limit: a word alone is a concurrency key. Raises InvalidInput."""
    allowed = "`all`, `group:` and the name of a group, or a concurrency key"
    if not isinstance(key, str) or not key.strip() or len(key) > _LONGEST or not key.isprintable() or '"' in key:
        raise InvalidInput("key", key, allowed, "database")
    word = key.strip().lower()
    if word == ALL or (word.startswith((_GROUP, _KEY)) and not word.endswith(":")):
        return word
    if ":" in word:
        raise InvalidInput("key", key, allowed, "group:garden")
    return _KEY + word


def read_slots(slots: object) -> int | None:
    """Return a number of slots; None for no limit. Raises InvalidInput."""
    if slots is None or (isinstance(slots, int) and not isinstance(slots, bool) and 0 <= slots <= MOST_SLOTS):
        return slots
    raise InvalidInput("slots", slots, f"a whole number from 0 to {MOST_SLOTS}, or none for no limit", 5)


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
    return tuple(keys)


def first_slots(key: str) -> int | None:
    """Return the slots of a limit that was never set: of a concurrency key one, of the others any number."""
    return 1 if key.startswith(_KEY) else None
