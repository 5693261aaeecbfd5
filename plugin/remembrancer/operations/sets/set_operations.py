"""The entry of the table of operations for declared sets, with its parameters."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StrictBool

from remembrancer.model.json_bounds import check_bounds
from remembrancer.model.task_set import AppliedSet
from remembrancer.model.token import Scope
from remembrancer.operations.ahead.next_fires import PREVIEWED
from remembrancer.operations.operation import AnyOperation, Effect, Http, Operation, Params
from remembrancer.operations.parameters import Fires  # noqa: TC001 (pydantic reads the annotations at run time)


class ApplySet(Params):
    """The name of a set, its tasks by their keys, and the fields that they share."""

    name: Annotated[str, Field(description="The name of the set.")]
    tasks: Annotated[
        dict[str, dict[str, object]],
        Field(description="By its key, the fields of each task; a kind of schedule is a field too: `every: 90m`."),
    ]
    defaults: Annotated[dict[str, object] | None, Field(description="Fields of each task that does not have them.")] = (
        None
    )
    prune: Annotated[StrictBool, Field(description="Cancel tasks that are declared no more.")] = False
    dry_run: Annotated[StrictBool, Field(description="Only answer what would change.")] = False
    fires: Fires = PREVIEWED

    def check(self) -> None:
        """Refuse a set that is not JSON. Raises InvalidInput."""
        check_bounds(self.tasks, "tasks", {"daily-report": {"cron": "0 9 * * 1-5"}})
        check_bounds(self.defaults, "defaults", {"timezone": "Europe/Berlin"})


SETS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="apply_set",
        summary="Make the tasks of a set those that are declared: new ones, changed ones, and, to prune, no others.",
        scope=Scope.WRITE,
        effect=Effect.DESTROYS,
        params=ApplySet,
        result=AppliedSet,
        http=(Http(verb="POST", path="/scheduler/sets/{name}"),),
    ),
)
"""Declared sets of tasks."""
