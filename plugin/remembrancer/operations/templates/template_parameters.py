"""The parameters of the operations on templates."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt

from remembrancer.model.json_bounds import check_bounds
from remembrancer.operations.ahead.next_fires import PREVIEWED
from remembrancer.operations.operation import Params
from remembrancer.operations.parameters import Fires  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.operations.templates.definitions import EXAMPLE, PARAMETERS_EXAMPLE

_Name = Annotated[str, Field(description="The name of the template.")]


class OneTemplate(Params):
    """The name of a template."""

    name: _Name


class DefineTemplate(OneTemplate):
    """The name of a template, the fields of its task, and its parameters."""

    task: Annotated[
        dict[str, object],
        Field(description="The fields of the task, with `{parameter}` where a value goes; a kind of schedule is one."),
    ]
    parameters: Annotated[
        dict[str, dict[str, object] | str] | None,
        Field(
            description="By its name, each parameter: `type`, and `default`, `allowed`, `example`; or the type alone.",
            examples=[PARAMETERS_EXAMPLE],
        ),
    ] = None
    description: Annotated[str | None, Field(description="Its purpose, for people.")] = None
    version: Annotated[
        StrictInt | None, Field(description="Only in place of this version; 0 only where there is none.")
    ] = None

    def check(self) -> None:
        """Refuse a template that is not JSON. Raises InvalidInput."""
        check_bounds(self.task, "task", EXAMPLE)
        check_bounds(self.parameters, "parameters", PARAMETERS_EXAMPLE)


class ScheduleFromTemplate(OneTemplate):
    """The name of a template, the values of its parameters, and fields in place of those of its task."""

    values: Annotated[dict[str, object] | None, Field(description="The values by the names of the parameters.")] = None
    overrides: Annotated[
        dict[str, object] | None, Field(description="Fields of the task in place of those of the template.")
    ] = None
    fires: Fires = PREVIEWED

    def check(self) -> None:
        """Refuse values that are not JSON. Raises InvalidInput."""
        check_bounds(self.values, "values", {"topic": "sales"})
        check_bounds(self.overrides, "overrides", {"timezone": "Europe/Berlin"})
