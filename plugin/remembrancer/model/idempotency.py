"""The idempotency key of a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What a request is known by that may be sent again: it is acted on once, and then told what came of it.

    Args:
        owner: Who sent it.
        given: The key that it was sent under, one of the owner's own.
        digest: Of all that it asks for: under one key, no two requests with different ones.
    """

    owner: str
    given: str
    digest: str

    @property
    def key(self) -> str:
        """The key, unique in a graph."""
        return f"{self.owner}|{self.given}"

    def of_task(self, place: int) -> str:
        """Return the dedup_key of the task at this place among those that the request makes."""
        return f"{self.key}|{place}"
