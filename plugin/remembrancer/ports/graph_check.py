"""Reports of the check and the repair of a whole graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

NAMED: Final = 10
"""The most records that a finding names."""
DERIVED: Final = frozenset(
    {
        *("time", "lifetime_statistics", "hourly_statistics", "cron_expression", "execution_lease", "event_stream"),
        *("zone_rules", "scheduler_replica", "remembrancer_graph"),
    }
)
"""Labels whose records follow from others, or from who works on the graph: no history is lost with them."""


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
    """The progress of a check: *done* of *total* records of one part."""

    part: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of the check of a graph."""

    graph: str
    read: Mapping[str, int]
    """The number of records of each label that were read."""
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
class EngineRepair:
    """What the engine mended of itself."""

    done: Sequence[str]
    """What was done, in words."""
    lost: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many records of each label its indexes named and it cannot give; 0 where their number is not known."""


@dataclass(frozen=True, slots=True)
class RepairReport:
    """The result of a repair: the checks before and after it, and its steps."""

    before: CheckReport
    after: CheckReport
    done: Sequence[str]
    set_apart: str | None
    """Where what could not be read, or all that there was, is kept; None where nothing had to be."""
    apart: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many records of each label were taken out of the graph, and stand in that file."""
    lost: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many records of each label have left the graph, and stand in no file but the copy of the graph's own.

    0 where their number is not known."""
    rounds: int = 0
    """How often the graph was repaired until a check found nothing, or nothing more could be done."""

    @property
    def has_loss(self) -> bool:
        """Whether the graph holds less than before it was damaged."""
        return bool(self.lost) or any(label not in DERIVED for label in self.apart)
