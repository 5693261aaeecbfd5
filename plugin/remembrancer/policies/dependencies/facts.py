"""The facts about dependencies: read for a page of tasks at once, only for those that have any."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from remembrancer.model.dependency import DependencyOutcome
from remembrancer.model.timestamps import LAST_MS, from_ms
from remembrancer.policies.dependencies.joins import joined, window_of
from remembrancer.policies.occurrences import due_ms
from remembrancer.ports.dependencies import MANUAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.dependency import Dependency
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.dependencies import Dependencies, FoundOutcome, Joined, SoughtOutcomes


class _Asked(NamedTuple):
    """One dependency of an occurrence of a task."""

    task_id: str
    dependency: Dependency
    other: ScheduledTask | None
    sought: SoughtOutcomes


async def dependency_facts(store: Dependencies, due: Sequence[ScheduledTask]) -> Mapping[str, tuple[Joined, ...]]:
    """Return what is known of the dependencies of due tasks, by the ids of these; nothing is read without any."""
    if not any(task.depends_on for task in due):
        return {}
    return await _facts(store, [(task, due_ms(task)) for task in due if task.depends_on])


async def outcomes_for(store: Dependencies, task: ScheduledTask, occurrence_ms: int) -> tuple[DependencyOutcome, ...]:
    """Return the outcomes that an occurrence of *task* depends on, with their results, for its handler."""
    if not task.depends_on:
        return ()
    facts = await _facts(store, [(task, occurrence_ms)], whole=True)
    return tuple(each for joint in facts[task.task_id] for each in _shown(joint))


async def _facts(
    store: Dependencies, occurrences: Sequence[tuple[ScheduledTask, int]], *, whole: bool = False
) -> dict[str, tuple[Joined, ...]]:
    others = await store.tasks({each.task for task, _ in occurrences for each in task.depends_on})
    asked = [
        _Asked(task.task_id, each, others.get(each.task), window_of(task, each, at_ms, others.get(each.task)))
        for task, at_ms in occurrences
        for each in task.depends_on
    ]
    found = await store.outcomes([each.sought for each in asked], whole=whole)
    asked, found = await _with_first(store, asked, found, whole=whole)
    facts: dict[str, tuple[Joined, ...]] = {task.task_id: () for task, _ in occurrences}
    for each, outcomes in zip(asked, found, strict=True):
        facts[each.task_id] += (joined(each.dependency, each.sought, each.other, outcomes),)
    return facts


async def _with_first(
    store: Dependencies, asked: Sequence[_Asked], found: Sequence[Sequence[FoundOutcome]], *, whole: bool
) -> tuple[list[_Asked], list[Sequence[FoundOutcome]]]:
    """Put the first occurrence of a task in the place of none: of one that had none up to the dependent's time."""
    late = [
        place
        for place, each in enumerate(asked)
        if not each.sought.is_met_by(found[place]) and each.sought.until_ms < LAST_MS and each.other is not None
    ]
    if not late:
        return [*asked], [*found]
    later = [asked[place].sought._replace(from_ms=asked[place].sought.until_ms + 1, until_ms=LAST_MS) for place in late]
    after = dict(zip(late, await store.outcomes(later, whole=whole), strict=True))
    taken: list[_Asked] = []
    for place, each in enumerate(asked):
        runs = [one for one in after.get(place, ()) if one.execution_type != MANUAL]
        first_ms = min((one.nominal_ms for one in runs), default=None)
        narrowed = each.sought if first_ms is None else each.sought._replace(from_ms=first_ms, until_ms=first_ms)
        taken.append(each._replace(sought=narrowed))
    return taken, [after[place] if after.get(place) else found[place] for place in range(len(asked))]


def _shown(joint: Joined) -> list[DependencyOutcome]:
    """Return the outcomes of a dependency as a handler gets them; of an ended task without executions, its status."""
    name = joint.dependency.task if joint.task is None else joint.task.name
    if not joint.outcomes:
        if joint.task is None or joint.task.is_open:
            return []
        return [DependencyOutcome(task_id=joint.dependency.task, name=name, status=joint.task.status.lower())]
    return [
        DependencyOutcome(
            task_id=joint.dependency.task,
            name=name,
            execution_id=each.execution_id,
            status=each.status,
            nominal_at=from_ms(each.nominal_ms),
            completed_at=None if each.completed_ms is None else from_ms(each.completed_ms),
            result=each.result,
            reason_code=each.reason_code,
            reason=each.reason,
        )
        for each in joint.outcomes
    ]
