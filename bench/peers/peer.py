"""What is known of a peer before it runs, and the reason when it does not."""

from __future__ import annotations

from dataclasses import dataclass


class NotRun(Exception):
    """A peer cannot be measured here; the message says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One other scheduler.

    Args:
        name: What the table calls it.
        key: What its script and its environment are called after.
        count: How many tasks it creates and fires; as many as take some seconds.
        requirements: What pip installs in an environment of its own; nothing for one that lives in ours.
        needs_postgres: Whether it keeps its tasks in Postgres.
    """

    name: str
    key: str
    count: int
    requirements: tuple[str, ...] = ()
    needs_postgres: bool = False


def last_line(text: str) -> str:
    """Return the last line of what a program said: its result, or its complaint."""
    return (text.strip().splitlines() or ["it said nothing"])[-1]
