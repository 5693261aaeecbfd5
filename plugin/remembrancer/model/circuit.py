"""Circuits: while a service that tasks share fails, none of its tasks begins but for a trial now and then."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from remembrancer.errors import InvalidInput
from remembrancer.model.declarations import parts_of_declaration, read_declared

CIRCUIT: Final = "circuit:"
"""The begin of the keys of those limits that circuits are, and of the wait keys of what waits for one to close."""
OPENS_AFTER: Final = 5
OPEN_SECONDS: Final = 60.0
MOST_FAILURES: Final = 1000
LEAST_OPEN_SECONDS: Final = 1.0
MOST_OPEN_SECONDS: Final = 86_400.0
LONGEST_KEY: Final = 200


class Circuit(BaseModel):
    """The state of the circuit of a service: it is closed, and all is well, or open."""

    model_config = ConfigDict(frozen=True)

    opens_after: int = OPENS_AFTER
    """The failures in a row that open it."""
    open_seconds: float = OPEN_SECONDS
    """Seconds from its opening, or from a trial that failed, to the next trial."""
    failures: int = 0
    """The failures in a row up to now."""
    last_failure: str | None = None
    """The last of them; None without any."""
    open_since: datetime | None = None
    """The time (UTC) since which it is open; None while it is closed."""
    trial_at: datetime | None = None
    """The time (UTC) from which on one execution may try the service; None while it is closed."""


def read_circuit_key(key: object) -> str:
    """Return the limit key of a circuit. Raises InvalidInput."""
    if isinstance(key, str):
        name = key.strip().removeprefix(CIRCUIT)
        if name == name.strip() and name.isprintable() and 1 <= len(name) <= LONGEST_KEY:
            return CIRCUIT + name
    raise InvalidInput("key", key, f"the circuit key of tasks: 1 to {LONGEST_KEY} printable characters", "github")


def read_opens_after(number: object) -> int:
    """Return the failures in a row that open a circuit. Raises InvalidInput."""
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= MOST_FAILURES:
        return number
    raise InvalidInput("opens_after", number, f"a whole number from 1 to {MOST_FAILURES}", OPENS_AFTER)


def read_open_ms(seconds: object) -> int:
    """Return the milliseconds for which a circuit is open before a trial. Raises InvalidInput."""
    if isinstance(seconds, int | float) and LEAST_OPEN_SECONDS <= seconds <= MOST_OPEN_SECONDS and seconds is not True:
        return round(seconds * 1000)
    allowed = f"a number of seconds from {LEAST_OPEN_SECONDS:g} to {MOST_OPEN_SECONDS:g}"
    raise InvalidInput("open_seconds", seconds, allowed, OPEN_SECONDS)


class DeclaredCircuit(NamedTuple):
    """A circuit as a file declares it."""

    key: str
    opens_after: int
    open_seconds: float

    def is_met_by(self, circuit: Circuit) -> bool:
        """Return whether a circuit is as declared."""
        return (self.opens_after, self.open_seconds) == (circuit.opens_after, circuit.open_seconds)


def read_circuits(circuits: object) -> list[DeclaredCircuit]:
    """Return the circuits of a file: by the key, the failures that open it, or an object with these and the seconds.

    Raises InvalidInput.
    """
    return read_declared("circuits", circuits, _declared, example={"github": 3}, prefix=CIRCUIT)


def _declared(key: str, value: object) -> DeclaredCircuit:
    parts = parts_of_declaration(value, ("opens_after", "open_seconds"), {"opens_after": 3})
    after = read_opens_after(parts.get("opens_after", OPENS_AFTER))
    return DeclaredCircuit(read_circuit_key(key), after, read_open_ms(parts.get("open_seconds", OPEN_SECONDS)) / 1000)
