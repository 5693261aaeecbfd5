"""The functions that a host gives the scheduler, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.engine.execution.handler_call import is_async
from remembrancer.errors import InvalidInput
from remembrancer.ports.host_hooks import HostHooks

if TYPE_CHECKING:
    from remembrancer.ports.halts import HostHalt
    from remembrancer.ports.timers import HostTimers


def hooks_from(is_halted: HostHalt | None, may_be_timed: HostTimers | None = None) -> HostHooks:
    """Return the hooks of a host. Raises InvalidInput: one of them cannot be used."""
    if is_halted is not None and not (callable(is_halted) and is_async(is_halted)):
        allowed = "an async function without arguments, since only that can be given a time to answer in"
        raise InvalidInput("is_halted", is_halted, allowed, None)
    if may_be_timed is not None and not callable(may_be_timed):
        raise InvalidInput("may_be_timed", may_be_timed, "a function of one argument, async or plain", None)
    return HostHooks(is_halted=is_halted, may_be_timed=may_be_timed)
