"""Joins: which outcomes of the tasks that it depends on an occurrence waits for, and what they allow. Pure functions.

The laws:

- The window of an occurrence holds the occurrences of the other task from the dependent's occurrence before (excluded)
  up to this one (included). A task without one in it is known by its latest occurrence before.
- An occurrence of the other task is pending until it has been accounted for and its last attempt has ended.
- A deferred outcome is none: the run that it was deferred to stands in for it.
- A backfill of an occurrence that has completed mends it, and so does a manual run that completed after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from remembrancer.errors import InvalidInput
from remembrancer.model.dependency import LATEST, PERIOD, OnFailure, TriggerRule
from remembrancer.model.task_status import TaskStatus, TaskType
from remembrancer.model.timestamps import LAST_MS, from_ms, to_iso, to_ms
from remembrancer.ports.dependencies import MANUAL, Joined, SoughtOutcomes
from remembrancer.schedules.kinds import UNREADABLE, schedule_of
from remembrancer.schedules.value_fields import read_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from remembrancer.model.dependency import Dependency
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.dependencies import FoundOutcome
    from remembrancer.schedules.protocol import Schedule

LONGEST: Final = 366 * 86_400_000
_FIRST_WIDTH: Final = 60_000
_ENDED: Final = frozenset({"completed", "failed", "skipped", "missed", "superseded", "deferred", "cancelled"})
_FAILED: Final = frozenset({"failed", "missed", "cancelled"})
_DONE: Final = "completed"
_DEFERRED: Final = "deferred"
_DEFERRED_RUN: Final = "deferred_trigger"


def delay_ms(dependency: Dependency, field: str = "delay") -> int:
    """Return the delay after the last outcome. Raises InvalidInput."""
    return 0 if dependency.delay is None else read_length(dependency.delay, field, "5m") * 1000


def window_ms(dependency: Dependency, field: str = "window") -> int:
    """Return the length of a window that is given as one. Raises InvalidInput."""
    return read_length(dependency.window, field, "24h") * 1000


def window_of(
    task: ScheduledTask, dependency: Dependency, occurrence_ms: int, other: ScheduledTask | None
) -> SoughtOutcomes:
    """Return the occurrences of a dependency that an occurrence of *task* waits for: of a one-time task, all."""
    if other is not None and other.task_type is TaskType.ONE_TIME:
        return SoughtOutcomes(dependency.task, 0, LAST_MS)
    if dependency.window == LATEST or (dependency.window == PERIOD and task.reacts):
        begin_ms = occurrence_ms
    elif dependency.window == PERIOD:
        begin_ms = period_begin_ms(task, occurrence_ms)
    else:
        try:
            begin_ms = occurrence_ms - window_ms(dependency)
        except InvalidInput:  # another program has written it
            begin_ms = period_begin_ms(task, occurrence_ms)
    return SoughtOutcomes(dependency.task, min(begin_ms + 1, occurrence_ms), occurrence_ms)


def period_begin_ms(task: ScheduledTask, occurrence_ms: int) -> int:
    """Return the occurrence of *task* before this one by its schedule; without any, the time that it was made."""
    made_ms = to_ms(task.created_at)
    if task.task_type is TaskType.ONE_TIME:
        return made_ms
    try:
        before_ms = last_before(schedule_of(task), occurrence_ms)
    except UNREADABLE:
        return made_ms
    return min(made_ms, occurrence_ms) if before_ms is None else before_ms


def last_before(schedule: Schedule, at_ms: int) -> int | None:
    """Return the last occurrence before a time, of the year before it; None without any."""
    width = _FIRST_WIDTH
    while width < LONGEST * 4:
        if schedule.count(max(0, at_ms - width), at_ms - 1):
            return schedule.last_ms(at_ms - 1, 1)
        width *= 4
    return None


def joined(
    dependency: Dependency, sought: SoughtOutcomes, task: ScheduledTask | None, found: Sequence[FoundOutcome]
) -> Joined:
    """Return a dependency with the outcomes that count."""
    scheduled = [each for each in found if _counts(each, sought, found)]
    runs = [_stand_in(each, found) for each in _latest_attempts(scheduled)]
    outcomes = tuple(_mended(each, found) for each in runs if each is not None)
    waiting = any(each is None or each.status not in _ENDED for each in runs)
    if task is None:
        return Joined(dependency, None, outcomes, is_pending=not outcomes)
    ahead_ms = task.nominal_ms
    is_ahead = task.is_open and ahead_ms is not None and ahead_ms <= sought.until_ms
    is_unknown = task.is_open and not outcomes
    return Joined(dependency, task, outcomes, is_pending=waiting or is_ahead or is_unknown)


class Verdict(NamedTuple):
    """The answer of the dependencies of an occurrence."""

    ready_ms: int | None
    """The time from which on it may run; None while it waits, or if it is cancelled."""
    waits_for: Joined | None
    """The dependency in its way."""
    is_blocked: bool = False
    """True if what it waits for has failed: it does not come about by itself."""
    is_cancelled: bool = False
    """True if it is not to run."""


def verdict(rule: TriggerRule | None, dependencies: Sequence[Joined]) -> Verdict:
    """Return what the outcomes allow, by a trigger rule."""
    if rule is TriggerRule.ANY_SUCCEEDED:
        return _any(dependencies)
    refused = [each for each in dependencies if each.dependency.on_failure is not OnFailure.IGNORE and _bad(rule, each)]
    if cancels := next((each for each in refused if each.dependency.on_failure is OnFailure.CANCEL), None):
        return Verdict(None, cancels, is_cancelled=True)
    if refused:
        return Verdict(None, refused[0], is_blocked=True)
    if pending := next((each for each in dependencies if each.is_pending), None):
        return Verdict(None, pending)
    return Verdict(max(each.last_ms + delay_ms(each.dependency) for each in dependencies), None)


def _any(dependencies: Sequence[Joined]) -> Verdict:
    done = [
        min(each.completed_ms or 0 for each in joint.outcomes if each.status == _DONE) + delay_ms(joint.dependency)
        for joint in dependencies
        if any(each.status == _DONE for each in joint.outcomes)
    ]
    if done:
        return Verdict(min(done), None)
    if pending := next((each for each in dependencies if each.is_pending), None):
        return Verdict(None, pending)
    policies = {each.dependency.on_failure: each for each in reversed(dependencies)}
    if OnFailure.CANCEL in policies:
        return Verdict(None, policies[OnFailure.CANCEL], is_cancelled=True)
    if OnFailure.BLOCK in policies:
        return Verdict(None, policies[OnFailure.BLOCK], is_blocked=True)
    return Verdict(max(each.last_ms + delay_ms(each.dependency) for each in dependencies), None)


def refused_outcome(rule: TriggerRule | None, joint: Joined) -> FoundOutcome | None:
    """Return the first outcome that a trigger rule does not accept; None if there is none with an execution."""
    return next((each for each in joint.outcomes if _is_bad(rule, each.status)), None)


def _bad(rule: TriggerRule | None, joint: Joined) -> bool:
    """Return whether a dependency has an outcome that the rule does not accept."""
    if joint.outcomes:
        return any(_is_bad(rule, each.status) for each in joint.outcomes)
    if joint.task is None or joint.task.is_open:
        return False
    return rule is not TriggerRule.ALL_DONE and joint.task.status is not TaskStatus.COMPLETE


def _is_bad(rule: TriggerRule | None, status: str) -> bool:
    if status not in _ENDED or rule is TriggerRule.ALL_DONE:
        return False
    return status in _FAILED if rule is TriggerRule.NONE_FAILED else status != _DONE


def told(rule: TriggerRule | None, answer: Verdict) -> str:
    """Return what an occurrence waits for, for people."""
    joint = answer.waits_for
    assert joint is not None  # noqa: S101 (only such a verdict is told)
    if not answer.is_blocked and not answer.is_cancelled:
        return f"It waits for {joint.name}{_progress(joint)}."
    if (bad := refused_outcome(rule, joint)) is not None:
        because = f": {bad.reason}" if bad.reason else ""
        code = f" ({bad.reason_code})" if bad.reason_code else ""
        at = to_iso(from_ms(bad.nominal_ms))
        return f"It depends on {joint.name}, whose run of {at} ended as {bad.status}{code}{because}"
    status = "is not there" if joint.task is None else f"has ended as {joint.task.status}"
    return f"It depends on {joint.name}, which {status}."


def _progress(joint: Joined) -> str:
    if joint.task is None:
        return ", which is not there"
    if any(each.status not in _ENDED for each in joint.outcomes):
        return ", which runs"
    if joint.task.paused_at is not None:
        return ", which is paused"
    next_ms = joint.task.next_run_ms
    return "" if next_ms is None else f", which is due at {to_iso(from_ms(next_ms))}"


def _counts(each: FoundOutcome, sought: SoughtOutcomes, found: Sequence[FoundOutcome]) -> bool:
    """Return whether an execution is an occurrence of the time that is sought, or of the last one before."""
    if each.execution_type == MANUAL or each.makes_up_ms is not None:
        return False
    if each.nominal_ms > sought.until_ms:
        return False
    return each.execution_type != _DEFERRED_RUN or not any(
        one.status == _DEFERRED and one.nominal_ms < each.nominal_ms for one in found
    )


def _latest_attempts(found: Iterable[FoundOutcome]) -> list[FoundOutcome]:
    """Return the last attempt at each occurrence."""
    last: dict[int, FoundOutcome] = {}
    for each in found:
        if each.nominal_ms not in last or last[each.nominal_ms].attempt < each.attempt:
            last[each.nominal_ms] = each
    return list(last.values())


def _stand_in(each: FoundOutcome, found: Sequence[FoundOutcome]) -> FoundOutcome | None:
    """Return the run that an occurrence was deferred to; the execution itself if it was not; None if it is to come."""
    if each.status != _DEFERRED:
        return each
    later = [one for one in found if one.execution_type == _DEFERRED_RUN and one.nominal_ms > each.nominal_ms]
    runs = _latest_attempts(later)
    return next((one for one in runs if one.status != _DEFERRED), None)


def _mended(each: FoundOutcome, found: Sequence[FoundOutcome]) -> FoundOutcome:
    """Return the completed run that makes up for an occurrence which did not complete; without one, itself."""
    if each.status not in _ENDED or each.status == _DONE:
        return each
    for one in found:
        is_later = one.execution_type == MANUAL and (one.completed_ms or 0) >= (each.completed_ms or 0)
        if one.status == _DONE and (one.makes_up_ms == each.nominal_ms or is_later):
            return one
    return each
