"""The questions that the scheduler asks its host, by functions that the host gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from remembrancer.ports.halts import HostHalt
    from remembrancer.ports.timers import HostTimers


@dataclass(frozen=True, slots=True)
class HostHooks:
    """The functions of a host; None where it has none."""

    is_halted: HostHalt | None = None
    """The host's own halt."""
    may_be_timed: HostTimers | None = None
    """The host's word on what is put on a timer."""


NO_HOOKS: Final = HostHooks()
"""The hooks of a host without any."""
