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
    """`log`, `engine`, `index`, `record`, `key`, `edge`, `lease`, `event` or `statistics`."""
    saw: str
    """The fault, as a sentence."""
    loss: bool
    """True if something is missing or cannot be read; else only what is derived from it is wrong."""
    examples: Sequence[str] = ()
    """Some of the records that it is about."""


@dataclass(frozen=True, slots=True)
class CheckStep:
    """The progress of a check: *done* of *total* records of one part."""

    part: str
    """The part that is read."""
    done: int
    """Records read so far."""
    total: int
    """Records in the part."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of the check of a graph."""

    graph: str
    """The graph: a folder or a URI."""
    read: Mapping[str, int]
    """The number of records of each label that were read."""
    findings: Sequence[Finding]
    """The faults that it found; none in a sound graph."""

    @property
    def is_sound(self) -> bool:
        """True if the check found nothing."""
        return not self.findings

    @property
    def has_loss(self) -> bool:
        """True if something is missing or cannot be read."""
        return any(each.loss for each in self.findings)


@dataclass(frozen=True, slots=True)
class EngineRepair:
    """The repairs that the engine made to itself."""

    done: Sequence[str]
    """The steps, as sentences."""
    lost: Mapping[str, int] = field(default_factory=dict[str, int])
    """The number of records of each label that its indexes name and that it cannot return; 0 if it is unknown."""


@dataclass(frozen=True, slots=True)
class RepairReport:
    """The result of a repair: the checks before and after it, and its steps."""

    before: CheckReport
    """The check before the repair."""
    after: CheckReport
    """The check after it."""
    done: Sequence[str]
    """The steps, as sentences."""
    set_apart: str | None
    """The place of the unreadable records, or of a copy of all files; None if nothing had to be saved."""
    apart: Mapping[str, int] = field(default_factory=dict[str, int])
    """The number of records of each label that were moved from the graph to that file."""
    lost: Mapping[str, int] = field(default_factory=dict[str, int])
    """The number of records of each label that the graph has lost, and that only the copy of its files holds.

    0 if the number is unknown."""
    rounds: int = 0
    """The number of repairs until a check found nothing, or nothing more could be repaired."""

    @property
    def has_loss(self) -> bool:
        """True if the graph holds less than before it was damaged."""
        return bool(self.lost) or any(label not in DERIVED for label in self.apart)
