"""What a dead replica left, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.ports.writes import Settlement


@dataclass(frozen=True, slots=True)
class ExpiredLease:
    """A lease that is over, and those of its executions that nobody settled."""

    lease_id: str
    executions: Sequence[Execution]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What becomes of one lost execution: how it is settled, and the attempt that follows, if any."""

    settlement: Settlement
    retry: Execution | None
