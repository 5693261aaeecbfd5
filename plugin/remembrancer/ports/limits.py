"""The limits port: slots, of which each running execution under a limit holds one. The laws of `ports.graph` hold.

Laws: an execution under limits begins only with a slot of each of them, in the commit of its claim. Its outcome frees
them in the commit that writes it, whichever replica writes it. Of a limit with a rate it takes a permit too, which it
gives back if it does not begin. In any time, no more begin than the burst and those that the rate adds in that time. A
clock that is set back by more than a minute empties a bucket: the next permit comes as soon as after any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.model.limit import ConcurrencyLimit, Rate
    from remembrancer.ports.writes import Change


BEHIND_US: Final = 60_000_000
"""Microseconds by which the time of a claim may be behind that of another: it waited, or clocks differ."""


class Refusal(NamedTuple):
    """The limit that had no slot for an execution, its slots, and some executions that hold them."""

    limit_key: str
    slots: int
    holders: Sequence[str]
    rate: str | None = None
    """The rate, if it was that which had no permit; None if there was no slot."""
    permit_ms: int | None = None
    """The time (epoch ms) of the next permit, or of the trial of a circuit; None if there was no slot."""
    open_since_ms: int | None = None
    """The time (epoch ms) since which it is open, if it is a circuit."""
    failures: int = 0
    """The failures in a row that it counted, if it is a circuit."""
    fault: str | None = None
    """The last of them."""


class LimitState(NamedTuple):
    """A limit, its slots (None: any number), and the executions that hold one."""

    key: str
    slots: int | None
    holders: Sequence[str]
    rate: Rate | None = None
    spent_us: int = 0
    """The time (epoch microseconds) at which the bucket would be full again."""
    is_wanted: bool = False
    """True if executions found no slot, and no scheduler has looked since whether tasks wait for it."""
    trial_ms: int | None = None
    """The time (epoch ms) from which on one execution may try an open circuit; None for any other."""
    open_ms: int = 0
    """Milliseconds from one trial of a circuit to the next."""
    is_tried: bool = False
    """True if an execution tries an open circuit."""

    @property
    def free(self) -> int | None:
        """The number of free slots; None: any number."""
        return None if self.slots is None else max(0, self.slots - len(self.holders))

    def free_at(self, now_ms: int, most: int) -> int:
        """Return how many may begin at a time, *most* at most."""
        if self.trial_ms is not None:
            return int(not self.is_tried and self._trial_ms(now_ms) <= now_ms)
        free = most if self.free is None else min(most, self.free)
        if self.rate is None:
            return free
        return max(0, min(free, (self._full_us(now_ms) - self._spent_us(now_ms)) // self.rate.permit_us))

    def permit_ms(self, now_ms: int, taken: int = 0) -> int:
        """Return when the bucket has a permit (epoch ms), with *taken* more spent than now; without a rate, now.

        Of an open circuit, the time of its trial.
        """
        if self.trial_ms is not None:
            return now_ms if self.is_tried else max(now_ms, self._trial_ms(now_ms))
        if self.rate is None:
            return now_ms
        spent_us = self._spent_us(now_ms) + taken * self.rate.permit_us
        return max(now_ms, -((self.rate.permit_us * (self.rate.burst - 1) - spent_us) // 1000))

    def was_set_back(self, now_ms: int) -> bool:
        """Return whether a clock was set back since permits were taken: the next claim empties the bucket."""
        return self.rate is not None and self.spent_us > self._full_us(now_ms) + BEHIND_US

    def _trial_ms(self, now_ms: int) -> int:
        """Return the time of the trial of a circuit: now, if a clock was set back since it was set."""
        trial_ms = self.trial_ms or now_ms
        return now_ms if trial_ms > now_ms + self.open_ms + BEHIND_US // 1000 else trial_ms

    def _full_us(self, now_ms: int) -> int:
        assert self.rate is not None, "only a rate has a bucket"  # noqa: S101
        return now_ms * 1000 + self.rate.burst * self.rate.permit_us

    def _spent_us(self, now_ms: int) -> int:
        """Return where the bucket stands at a time; one that was set back is empty."""
        return self._full_us(now_ms) if self.was_set_back(now_ms) else max(self.spent_us, now_ms * 1000)


class ConcurrencyLimits(Protocol):
    """The limits of one memory graph."""

    known: Collection[str]
    """The keys of the limits that somebody has set, as this process last read them."""
    refused: dict[str, Refusal]
    """By execution: claims of this process that found no slot. Who looks takes it out."""
    on_freed: list[Callable[[Collection[str]], None]]
    """Called with the limits of which slots became free, or may have."""

    async def set(self, key: str, slots: int | None, rate: Rate | None, change: Change) -> None:
        """Set the slots and the rate of a limit; None is any number. What a bucket holds stays, as far as it can."""
        ...

    async def set_circuit(self, key: str, opens_after: int, open_ms: int, change: Change) -> None:
        """Set after how many failures in a row a circuit opens, and for how long."""
        ...

    async def reset_circuit(self, key: str, change: Change) -> bool:
        """Close a circuit, and forget its failures; return False if there is none with this key."""
        ...

    async def learn(self) -> None:
        """Read which limits there are, if this process has not done so yet."""
        ...

    async def refresh(self) -> None:
        """Read which limits there are, and correct slots whose executions have ended, or that were not written.

        Now and then, delete those that were never set, without holders and tasks that wait.
        """
        ...

    async def stray(self) -> Mapping[str, Sequence[str]]:
        """Return by limit the executions that hold a slot of it, and do not run: no scheduler has corrected it yet."""
        ...

    async def quotas(self) -> Mapping[str, int | None]:
        """Return the quotas that are set, by key, as this process last read them."""
        ...

    async def of(self, keys: Collection[str]) -> Sequence[LimitState]:
        """Return those of these limits that there are."""
        ...

    async def all(self, limit: int, now_ms: int, key: str | None = None) -> Sequence[ConcurrencyLimit]:
        """Return the limits by key, or one, with who holds their slots and how many wait, as they are at *now_ms*."""
        ...

    async def executions(self, execution_ids: Sequence[str]) -> Sequence[Execution]:
        """Return those of these executions that there are."""
        ...

    async def ask_to_stop(self, execution: Execution, reason: str) -> None:
        """Ask the scheduler that runs an execution to stop it; nothing is written if it has ended."""
        ...

    async def stopped(self, execution_ids: Sequence[str]) -> Mapping[str, str]:
        """Return those of these executions that were asked to stop, or have an outcome, with the reason."""
        ...

    async def settle_wanted(self, keys: Sequence[str]) -> None:
        """Note that no task waits for these limits."""
        ...

    async def tasks_of(self, execution_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the tasks of executions, by execution."""
        ...
