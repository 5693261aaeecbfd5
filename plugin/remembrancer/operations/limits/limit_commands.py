"""Limits as callers set and read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.circuit import CIRCUIT, read_circuit_key, read_open_ms, read_opens_after
from remembrancer.model.limit import ConcurrencyLimit, read_limit_key, read_rate, read_slots
from remembrancer.model.quota import is_quota
from remembrancer.model.suggestions import unknown
from remembrancer.model.timestamps import to_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.operations.open_tasks import OpenTasks
    from remembrancer.ports.limits import ConcurrencyLimits

_MOST: Final = 1000


class LimitCommands:
    """Sets limits, and reads them.

    Args:
        limits: Those of the graph.
        tasks: Makes entries of the audit log.
    """

    def __init__(self, limits: ConcurrencyLimits, tasks: OpenTasks) -> None:
        self._limits = limits
        self._tasks = tasks

    async def set(self, key: str, slots: int | None, rate: str | None, burst: int | None) -> ConcurrencyLimit:
        """Set the slots and the rate of a limit; return it. Raises InvalidInput."""
        name, number, bucket = read_limit_key(key), read_slots(slots), read_rate(rate, burst)
        if bucket is not None and is_quota(name):
            raise InvalidInput("rate", rate, "none for a quota of open tasks", None)
        change = self._tasks.change("set_limit", None)
        await self._limits.set(name, number, bucket, change)
        (found,) = await self._limits.all(1, to_ms(change.at), name)
        return found

    async def set_circuit(self, key: str, opens_after: int, open_seconds: float) -> ConcurrencyLimit:
        """Set when a circuit opens, and for how long; return it. Raises InvalidInput."""
        name, number, open_ms = read_circuit_key(key), read_opens_after(opens_after), read_open_ms(open_seconds)
        change = self._tasks.change("set_circuit", None)
        await self._limits.set_circuit(name, number, open_ms, change)
        (found,) = await self._limits.all(1, to_ms(change.at), name)
        return found

    async def reset_circuit(self, key: str) -> ConcurrencyLimit:
        """Close a circuit; return it. Raises InvalidInput: there is none with this key."""
        name, change = read_circuit_key(key), self._tasks.change("reset_circuit", None)
        if not await self._limits.reset_circuit(name, change):
            known = [each.key.removeprefix(CIRCUIT) for each in await self.all() if each.circuit is not None]
            allowed = unknown(key, known, "circuit") if known else "a circuit: there is none yet"
            raise InvalidInput("key", key, allowed, "github")
        (found,) = await self._limits.all(1, to_ms(change.at), name)
        return found

    async def all(self) -> Sequence[ConcurrencyLimit]:
        """Return the limits, by key."""
        return await self._limits.all(_MOST, to_ms(self._tasks.change("list_limits", None).at))
