"""Reactions: the occurrences that a task gains from outcomes of the task that it follows. Pure functions.

A follower keeps its place among the executions of the other task, so that each outcome adds one occurrence, however
often it is checked: the time from which on it looks at executions, and those from there on that have had their effect.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from remembrancer.model.addition import MOST_ADDITIONS, Addition, Cause
from remembrancer.policies.additions import is_deferred_beyond, pending_additions, with_reactions
from remembrancer.policies.occurrences import first_ms
from remembrancer.schedules.reaction import OUTCOMES, delay_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.reacting_schedules import After
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.watches import FollowedExecution

_RUNNING: Final = "running"
_MARGIN_MS: Final = 60_000
"""An execution that begins later has no nominal time further back than this, or than its task's next one."""


@dataclass(frozen=True, slots=True)
class FollowedTask:
    """A task that another follows, as a check found it."""

    is_open: bool
    ahead_ms: int | None
    """The earliest time that an occurrence without an outcome may have; None without any."""
    executions: Sequence[FollowedExecution]
    """Those from the follower's place on that run, or ended after the follower was made."""


@dataclass(frozen=True, slots=True)
class FollowPlace:
    """The place of a follower: executions before *floor_ms* are done with, and so are those *served*."""

    floor_ms: int = 0
    served: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str | None) -> FollowPlace:
        """Return the place that *text* holds; the first without one. Raises ValueError if it cannot be read."""
        if text is None:
            return cls()
        floor_ms, *served = json.loads(text)
        return cls(int(floor_ms), tuple(map(str, served)))

    @property
    def text(self) -> str:
        """The place as the graph keeps it."""
        return json.dumps([self.floor_ms, *self.served], separators=(",", ":"))


def place_of(task: ScheduledTask) -> FollowPlace:
    """Return the place of a follower. Raises ValueError if it cannot be read."""
    return FollowPlace.read(task.watch)


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
    place, delay_ms = place_of(task), delay_seconds(value) * 1000
    latest = _latest_attempts(other.executions)
    new = [each for each in latest if each.status in OUTCOMES[value.on] and each.execution_id not in place.served]
    new.sort(key=lambda each: each.completed_ms or 0)
    if new and is_deferred_beyond(task, max(now_ms, (new[-1].completed_ms or 0) + delay_ms)):
        return Reaction(task, is_settled=False, is_over=False)
    taken = new[: max(0, MOST_ADDITIONS - len(pending_additions(task)))]
    after = with_reactions(task, [_addition(each, delay_ms, now_ms) for each in taken], now_ms)
    waiting = [each.nominal_ms for each in latest if each.status == _RUNNING]
    waiting += [each.nominal_ms for each in new[len(taken) :]]
    if taken:
        ahead = [] if other.ahead_ms is None else [other.ahead_ms]
        floor_ms = max(place.floor_ms, min([now_ms - _MARGIN_MS, *waiting, *ahead]))
        served = {*place.served, *(each.execution_id for each in taken)}
        kept = [each.execution_id for each in latest if each.execution_id in served and each.nominal_ms >= floor_ms]
        after = after.model_copy(update={"watch": FollowPlace(floor_ms, tuple(kept)).text})
    is_settled = not waiting
    is_idle = first_ms(after) is None and after.deferral_id is None
    return Reaction(after, is_settled, is_over=is_settled and is_idle and not other.is_open)


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
