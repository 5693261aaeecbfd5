"""Limits as callers set and read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.limit import ConcurrencyLimit, read_limit_key, read_rate, read_slots
from remembrancer.model.quota import is_quota
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

    async def all(self) -> Sequence[ConcurrencyLimit]:
        """Return the limits, by key."""
        return await self._limits.all(_MOST, to_ms(self._tasks.change("list_limits", None).at))
