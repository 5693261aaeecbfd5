"""What a check of a whole graph says: whether every record can be read, and all that is derived agrees with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

NAMED: Final = 10
"""How many records a finding names at most."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing that is not as it should be."""

    part: str
    """`log`, `engine`, `index`, `record`, `key`, `edge`, `lease`, `event` or `books`."""
    saw: str
    loss: bool
    """Whether something is missing or cannot be read; else only what is derived from it is wrong."""
    examples: Sequence[str] = ()
    """Some of the records that it is about."""


@dataclass(frozen=True, slots=True)
class CheckStep:
    """How far a check is: *done* of *total* records of one part."""

    part: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check of a graph came to."""

    graph: str
    read: Mapping[str, int]
    """How many records of each label were read."""
    findings: Sequence[Finding]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def has_loss(self) -> bool:
        """Whether something is missing or cannot be read."""
        return any(each.loss for each in self.findings)


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair came to: how the graph stood before and after, and what was done in between."""

    before: CheckReport
    after: CheckReport
    done: Sequence[str]
    set_apart: str | None
    """Where what could not be read, or all that there was, is kept; None where nothing had to be."""
    apart: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many records of each label were taken out of the graph, and stand in that file."""
