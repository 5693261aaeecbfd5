"""The halt of a scheduler, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.timestamps import to_iso

if TYPE_CHECKING:
    from remembrancer.model.halt import HaltState


def halt_line(state: HaltState) -> str | None:
    """Return the halt that is in force; None without one."""
    if not state.is_halted:
        return None
    since = "" if state.halted_at is None else f" since {to_iso(state.halted_at)}"
    by = f" by {state.halted_by}" if state.halted_by else " by its host" if state.by_host else ""
    return f"The scheduler is halted{by}{since}, and nothing begins: {state.reason}"


def print_state(state: HaltState, *, as_json: bool) -> None:
    """Print the state, and the executions that were asked to stop."""
    from remembrancer.cli.output import print_json, screen

    if as_json:
        print_json(state)
        return
    screen().print(halt_line(state) or "The scheduler is not halted.", markup=False, highlight=False)
    for execution_id in state.stopping:
        screen().print(f"{execution_id} is asked to stop.", markup=False, highlight=False)
