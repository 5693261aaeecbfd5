"""The limits port: slots, of which each running execution under a limit holds one. The laws of `ports.graph` hold.

Laws: an execution under limits begins only with a slot of each of them, in the commit of its claim. Its outcome frees
them in the commit that writes it, whichever replica writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from remembrancer.model.limit import ConcurrencyLimit
    from remembrancer.ports.writes import Change


class Refusal(NamedTuple):
    """The limit that had no slot for an execution, its slots, and some executions that hold them."""

    limit_key: str
    slots: int
    holders: Sequence[str]


class LimitState(NamedTuple):
    """A limit, its slots (None: any number), and the executions that hold one."""

    key: str
    slots: int | None
    holders: Sequence[str]

    @property
    def free(self) -> int | None:
        """The number of free slots; None: any number."""
        return None if self.slots is None else max(0, self.slots - len(self.holders))


class ConcurrencyLimits(Protocol):
    """The limits of one memory graph."""

    known: Collection[str]
    """The keys of the limits that somebody has set, as this process last read them."""
    refused: dict[str, Refusal]
    """By execution: claims of this process that found no slot. Who looks takes it out."""
    on_freed: list[Callable[[Collection[str]], None]]
    """Called with the limits of which slots became free, or may have."""

    async def set(self, key: str, slots: int | None, change: Change) -> None:
        """Set the slots of a limit; None is any number."""
        ...

    async def refresh(self) -> None:
        """Read which limits there are, and correct slots whose executions have ended, or that were not written."""
        ...

    async def of(self, keys: Collection[str]) -> Sequence[LimitState]:
        """Return those of these limits that there are."""
        ...

    async def all(self, limit: int) -> Sequence[ConcurrencyLimit]:
        """Return the limits by key, with who holds their slots and how many wait."""
        ...

    async def tasks_of(self, execution_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the tasks of executions, by execution."""
        ...
