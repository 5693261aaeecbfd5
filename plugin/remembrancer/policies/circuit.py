"""Circuits: what uses a service that fails waits until a trial succeeds. Pure functions.

A circuit is a limit, with any number of slots while it is closed, none while it is open, and one for a trial. So the
claim itself, under the lock of the limit, lets executions through, on whichever replicas. The outcome is counted in the
commit that writes it.

Laws, of the tasks with one circuit key together:

- So many failures in a row (5 unless set) open the circuit. Each attempt counts, also one that another follows, and one
  that a caller asked for. A completion ends the row. A permanent failure does not count: the service has answered. Nor
  does a cancellation, a deferral, a question, or a run that was lost with its scheduler.
- While it is open nothing begins under it: occurrences wait, and say for which circuit and since when. A run that a
  caller forces begins all the same, and is a trial; so is the next attempt at a run that was lost.
- After its time (60 s unless set) one execution begins, the first of those that wait: the trial. While it runs no other
  begins. If it fails, the circuit is open for as long again. If it completes, the circuit closes, and what waits runs.
  If it ends in another way, the next one is the trial.
- What began before the circuit opened goes on, and changes nothing while it is open.
- A reset closes it at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.circuit import CIRCUIT
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.timestamps import from_ms, to_iso

if TYPE_CHECKING:
    from remembrancer.ports.limits import Refusal
    from remembrancer.ports.writes import Settlement


def is_telling(settlement: Settlement) -> bool:
    """Return whether an outcome says that a service is well, or is not."""
    if settlement.status is ExecutionStatus.FAILED:
        return not settlement.is_permanent
    return settlement.status is ExecutionStatus.COMPLETED


def reason_of_circuit(refusal: Refusal) -> str:
    """Return why an occurrence waits for a circuit, for people."""
    assert refusal.open_since_ms is not None, "it is open"  # noqa: S101
    since = to_iso(from_ms(refusal.open_since_ms))
    why = f"after {refusal.failures} failures in a row, the last: {refusal.fault}"
    then = f" {refusal.holders[0]} tries it." if refusal.holders else ""
    if refusal.permit_ms is not None:
        then = f" One execution tries it at {to_iso(from_ms(refusal.permit_ms))}."
    return f"The circuit {refusal.limit_key.removeprefix(CIRCUIT)} is open since {since}, {why}.{then}"
