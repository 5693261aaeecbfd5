"""The idempotency key of a request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The key of a request that may be sent again: the scheduler acts on it once, and answers a repeat with the result.

    Args:
        owner: The sender.
        given: The key as the sender gave it, unique among the sender's own.
        digest: A digest of all that the request asks for; under one key, every request has the same.
    """

    owner: str
    given: str
    digest: str

    @property
    def key(self) -> str:
        """The key, unique in a graph."""
        return f"{self.owner}|{self.given}"

    def of_task(self, place: int) -> str:
        """Return the dedup_key of the task at this place among those that the request creates."""
        return f"{self.key}|{place}"

    def of_edit(self, task_id: str) -> Self:
        """Return the key of the change of one task among the many that the request edits."""
        return replace(self, given=f"{self.given}|{task_id}")
