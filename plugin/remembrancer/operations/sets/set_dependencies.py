"""The tasks of a set that others wait for or follow: by keys of the same set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.errors import InvalidInput
from remembrancer.model.request import TASK_FIELDS
from remembrancer.operations.dependencies.resolution import (
    LocalNames,
    LocalTask,
    refuse_circles,
    resolved_dependencies,
)
from remembrancer.operations.references.local_tasks import followed_within, in_order
from remembrancer.operations.sets.declarations import placed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.dependency import Dependency
    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph


async def dependencies_of_set(
    store: Graph,
    requests: Mapping[str, ScheduleRequest],
    tasks: Mapping[str, ScheduledTask],
    new: Sequence[ScheduledTask],
) -> dict[str, tuple[Dependency, ...]]:
    """Return the dependencies of the declared tasks that have any, by their keys.

    Args:
        store: The graph.
        requests: The declared tasks by their keys.
        tasks: Those that stand under these keys, or are to be made.
        new: Those of them that are to be made.

    Raises:
        InvalidInput: A task is not there, or tasks of the set would wait for each other.
    """
    local = LocalNames([LocalTask(task.task_id, (key,)) for key, task in tasks.items()])
    found: dict[str, ScheduledTask] = {}
    for key, request in requests.items():
        check = TASK_FIELDS["depends_on"].check
        assert check is not None  # noqa: S101 (the field has one)
        try:
            asked = tasks[key].model_copy(update={"depends_on": check("depends_on", request.depends_on)})
            (found[key],) = await resolved_dependencies(store, [asked], local, new)
        except InvalidInput as wrong:
            raise placed(wrong, key) from wrong
    refuse_circles(list(found.values()))
    return {key: task.depends_on for key, task in found.items() if task.depends_on}


def followed_in_set(requests: Mapping[str, ScheduleRequest], faults: list[InvalidInput]) -> dict[str, dict[str, str]]:
    """Return for each key the tasks of the set that its schedule refers to; a circle is added to *faults*."""
    tasks = [LocalTask(key, (key,)) for key in requests]
    followed = followed_within(tasks, {key: request.schedule for key, request in requests.items()})
    try:
        in_order([*requests], followed)
    except InvalidInput as circle:
        faults.append(circle)
    return followed
