"""The lineage store port: trees of tasks, where new tasks belong, and their bounds. The laws of `ports.graph` hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from remembrancer.model.policy import OnExhausted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.writes import Change, Draw


@dataclass(frozen=True, slots=True)
class LineageState:
    """The node of a lineage: its own bounds, and what has been counted.

    Amounts are by their names: runs, tokens, and money in millionths. Law: what a lineage may use is at all times the
    sum of what is spent, what is reserved, and what is left.
    """

    lineage_id: str
    limits: Mapping[str, int] = field(default_factory=dict[str, int])
    """Its own bounds on what handlers schedule, by the names of a budget's parts."""
    spawned: int = 0
    """The tasks that handlers scheduled in it."""
    caps: Mapping[str, int] = field(default_factory=dict[str, int])
    """The amounts that it may use; one without a bound is not there."""
    spent: Mapping[str, int] = field(default_factory=dict[str, int])
    """The amounts that its executions have used which ended."""
    reserved: Mapping[str, int] = field(default_factory=dict[str, int])
    """The same, as held for those that run."""
    on_exhausted: OnExhausted = OnExhausted.SKIP

    is_exhausted: bool = False
    """True since a run found too little left of an amount, until the budget is changed."""

    def left(self, name: str) -> int:
        """Return what is left of a bounded amount; below 0 if more was used than was left."""
        return self.caps[name] - self.spent.get(name, 0) - self.reserved.get(name, 0)

    def lacking(self, draw: Draw) -> str | None:
        """Return an amount of which less is left than *draw* needs; None if all are enough."""
        return self._short(draw, self.reserved)

    def is_spent_for(self, draw: Draw) -> bool:
        """Return whether *draw* needs more than is left even if nothing was reserved."""
        return self._short(draw, {}) is not None

    def _short(self, draw: Draw, reserved: Mapping[str, int]) -> str | None:
        for name, needed in (("runs", 1), ("tokens", draw.tokens), ("money", draw.money)):
            if name in self.caps and self.caps[name] - self.spent.get(name, 0) - reserved.get(name, 0) < max(1, needed):
                return name
        return None


class Exhaustion(NamedTuple):
    """A budget that has too little left for a run of a task."""

    lineage_id: str
    task_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The place of the tasks that an execution schedules: its task, its generation, and its lineage."""

    execution_id: str
    parent_id: str
    """The task of the execution."""
    generation: int
    """That of its task."""
    spawned: int
    """The tasks that it has scheduled so far."""
    lineage: LineageState
    is_new: bool
    """True if the lineage has no node yet."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The entry of new tasks into the lineage of the execution that schedules them: of all, or of none."""

    admission_id: str
    origin: Origin
    limits: Mapping[str, int]
    """Bounds that hold where the lineage has none of its own."""
    at: datetime


class LineageStore(Protocol):
    """The lineages of one graph."""

    async def origin_of(self, execution_id: str) -> Origin | None:
        """Return where the tasks belong that an execution schedules; None for one that this graph does not have."""
        ...

    async def get(self, lineage_id: str) -> LineageState | None:
        """Return a lineage's node; None for one that has none: nothing bounds it, and no handler scheduled in it."""
        ...

    async def states(self, lineage_ids: Collection[str]) -> Mapping[str, LineageState]:
        """Return the nodes of those lineages that have one, by their ids."""
        ...

    async def tasks(self, lineage_id: str, limit: int) -> Sequence[ScheduledTask]:
        """Return the tasks of a lineage, parents before children, at most *limit*."""
        ...

    async def open_spawned(self, lineage_id: str) -> int:
        """Return how many of the tasks are open that handlers scheduled in a lineage."""
        ...

    async def set_budget(self, lineage_id: str, budget: Mapping[str, object], change: Change) -> None:
        """Give a lineage other bounds, those that *budget* names; its thought must be there."""
        ...

    async def note_exhausted(self, found: Sequence[Exhaustion], at: datetime) -> Sequence[Exhaustion]:
        """Note which budgets have too little left; return those that were not noted since they were changed."""
        ...

    async def exhausted(self, limit: int) -> Sequence[LineageState]:
        """Return the lineages whose budgets have too little left for their open tasks, at most *limit*."""
        ...

    async def has_thought(self, thought_id: str) -> bool:
        """Return whether there is a thought, of which tasks were scheduled."""
        ...
