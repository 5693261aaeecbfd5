"""The entries of the table of operations that concern templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.task import ScheduleResult
from remembrancer.model.task_template import TaskTemplate
from remembrancer.model.token import Scope
from remembrancer.operations import parameters
from remembrancer.operations.operation import Effect, Http, Operation
from remembrancer.operations.templates import template_parameters

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation

_TEMPLATES: Final = "/scheduler/templates"

TEMPLATES: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="define_template",
        summary="Define a template of tasks, or replace it; an equal definition writes nothing.",
        scope=Scope.WRITE,
        effect=Effect.DESTROYS,
        params=template_parameters.DefineTemplate,
        result=TaskTemplate,
        http=(Http(verb="POST", path=_TEMPLATES),),
    ),
    Operation(
        name="schedule_from_template",
        summary="Schedule the task that a template makes of values.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=template_parameters.ScheduleFromTemplate,
        result=ScheduleResult,
        http=(Http(verb="POST", path=f"{_TEMPLATES}/{{name}}/tasks", creates=True),),
    ),
    Operation(
        name="get_template",
        summary="Return a template, with its parameters.",
        params=template_parameters.OneTemplate,
        result=TaskTemplate,
        http=(Http(verb="GET", path=f"{_TEMPLATES}/{{name}}"),),
    ),
    Operation(
        name="list_templates",
        summary="Return the templates, by name.",
        params=parameters.NoParams,
        result=list[TaskTemplate],
        http=(Http(verb="GET", path=_TEMPLATES),),
    ),
    Operation(
        name="remove_template",
        summary="Remove a template; the tasks that were made from it stay.",
        scope=Scope.WRITE,
        effect=Effect.DESTROYS,
        params=template_parameters.OneTemplate,
        result=bool,
        http=(Http(verb="POST", path=f"{_TEMPLATES}/{{name}}/remove"),),
    ),
)
"""Templates of tasks."""
