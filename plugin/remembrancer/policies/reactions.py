"""Reactions: the occurrences that a task gains from outcomes of the task that it follows. Pure functions.

A follower keeps its place among the executions of the other task, so that each outcome adds one occurrence, however
often it is checked: the time from which on it looks at executions, and those from there on that have had their effect.
Fences tell new executions from old ones, since they only grow: nominal times go back with a clock that is set back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from remembrancer.model.addition import MOST_ADDITIONS, Addition, Cause
from remembrancer.policies.additions import is_deferred_beyond, pending_additions, with_reactions
from remembrancer.policies.occurrences import first_ms
from remembrancer.ports.watches import Sought
from remembrancer.schedules.reaction import OUTCOMES, delay_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.reacting_schedules import After
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.watches import FollowedExecution

_RUNNING: Final = "running"
_MARGIN_MS: Final = 60_000
"""An execution that begins later has no nominal time further back than this, or than its task's next one."""
_DAY_MS: Final = 86_400_000
"""The past that a follower looks at again after the clock was set back."""


@dataclass(frozen=True, slots=True)
class FollowedTask:
    """A task that another follows, as a check found it."""

    is_open: bool
    ahead_ms: int | None
    """The earliest time that an occurrence without an outcome may have; None without any."""
    fence: int
    """Its fence, read before its executions: a later one has a greater fence."""
    executions: Sequence[FollowedExecution]
    """Those from the follower's place on that run, or ended after the follower was made."""


@dataclass(frozen=True, slots=True)
class FollowPlace:
    """The place of a follower: executions up to a *fence* are done with, and so are those *served*.

    It looks at no execution before *floor_ms*.
    """

    floor_ms: int = 0
    fence: int = 0
    served: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str | None) -> FollowPlace:
        """Return the place that *text* holds; the first without one. Raises ValueError if it cannot be read."""
        if text is None:
            return cls()
        floor_ms, fence, *served = json.loads(text)
        return cls(int(floor_ms), int(fence), tuple(map(str, served)))

    @property
    def text(self) -> str:
        """The place as the graph keeps it."""
        return json.dumps([self.floor_ms, self.fence, *self.served], separators=(",", ":"))

    def at(self, now_ms: int, *, went_back: bool = False) -> FollowPlace:
        """Return the place at a time: it goes back with a clock that was set back, as its floor or the caller says."""
        if now_ms >= self.floor_ms and not went_back:
            return self
        return replace(self, floor_ms=max(0, min(self.floor_ms, now_ms - _DAY_MS)))

    def is_past(self, execution: FollowedExecution) -> bool:
        """Return whether an execution has had its effect."""
        return execution.fence <= self.fence or execution.execution_id in self.served


def place_of(task: ScheduledTask) -> FollowPlace:
    """Return the place of a follower. Raises ValueError if it cannot be read."""
    return FollowPlace.read(task.watch)


def gone_back(task: ScheduledTask, now_ms: int) -> ScheduledTask:
    """Return the follower *task* for a clock that was set back. Raises ValueError if its place cannot be read."""
    place = place_of(task)
    after = place.at(now_ms, went_back=True)
    return task if after == place or task.watch is None else task.model_copy(update={"watch": after.text})


def sought_by(task: ScheduledTask, now_ms: int) -> Sought:
    """Return the executions that a follower looks at. Raises ValueError if its place cannot be read."""
    place, since_ms = place_of(task).at(now_ms), task.check_at_ms or 0
    if place.fence and now_ms < since_ms:  # the clock was set back to before the follower was made
        since_ms = place.floor_ms
    return Sought(task.runs_after_id or "", place.floor_ms, since_ms)


class Reaction(NamedTuple):
    """A follower after a check."""

    task: ScheduledTask
    """The same object, if the check changes nothing."""
    is_settled: bool
    """True if nothing can follow until the other task is claimed or changed again."""
    is_over: bool
    """True if nothing can follow at all."""


def reaction(task: ScheduledTask, value: After, other: FollowedTask, now_ms: int) -> Reaction:
    """Return the follower *task* with an occurrence for each new outcome of the task that it follows."""
    kept, delay_ms = place_of(task), delay_seconds(value) * 1000
    place = kept.at(now_ms)
    if place is not kept:
        task = task.model_copy(update={"watch": place.text})
    latest = _latest_attempts(other.executions)
    new = [each for each in latest if each.status in OUTCOMES[value.on] and not place.is_past(each)]
    new.sort(key=lambda each: each.completed_ms or 0)
    if new and is_deferred_beyond(task, max(now_ms, (new[-1].completed_ms or 0) + delay_ms)):
        return Reaction(task, is_settled=False, is_over=False)
    taken = new[: max(0, MOST_ADDITIONS - len(pending_additions(task)))]
    after = with_reactions(task, [_addition(each, delay_ms, now_ms) for each in taken], now_ms)
    waiting = [*(each for each in latest if each.status == _RUNNING), *new[len(taken) :]]
    if taken:
        after = after.model_copy(update={"watch": _next_place(place, other, taken, waiting, now_ms).text})
    is_settled = not waiting
    is_idle = first_ms(after) is None and after.deferral_id is None
    return Reaction(after, is_settled, is_over=is_settled and is_idle and not other.is_open)


def _next_place(
    place: FollowPlace,
    other: FollowedTask,
    taken: Sequence[FollowedExecution],
    waiting: Sequence[FollowedExecution],
    now_ms: int,
) -> FollowPlace:
    """Return the place beyond the executions *taken*, and not beyond those *waiting*."""
    ahead = [] if other.ahead_ms is None else [other.ahead_ms]
    floor_ms = max(place.floor_ms, min([now_ms - _MARGIN_MS, *(each.nominal_ms for each in waiting), *ahead]))
    fence = max(place.fence, min([other.fence, *(each.fence - 1 for each in waiting)]))
    served = {*place.served, *(each.execution_id for each in taken)}
    kept = [
        each.execution_id
        for each in _latest_attempts(other.executions)
        if each.execution_id in served and (each.nominal_ms >= floor_ms or each.fence > fence)
    ]
    return FollowPlace(floor_ms, fence, tuple(kept))


def _latest_attempts(executions: Sequence[FollowedExecution]) -> list[FollowedExecution]:
    """Return the last attempt at each occurrence: a lost one that is tried again is no outcome yet."""
    found: dict[int, FollowedExecution] = {}
    for each in executions:
        if each.nominal_ms not in found or found[each.nominal_ms].attempt < each.attempt:
            found[each.nominal_ms] = each
    return list(found.values())


def _addition(outcome: FollowedExecution, delay_ms: int, now_ms: int) -> Addition:
    """Return the occurrence that follows an outcome."""
    detail = {"execution_id": outcome.execution_id, "status": outcome.status}
    return Addition((outcome.completed_ms or now_ms) + delay_ms, Cause.COMPLETION, detail)
