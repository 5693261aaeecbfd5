"""`remembrancer template`: templates of tasks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Final

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from remembrancer.model.task_template import TaskTemplate, TemplateParameter

_PLACES: Final = ("name", "description", "parameters", "task")


@dataclass(frozen=True, kw_only=True)
class DefineTemplateOptions(GraphOptions):
    """The options of `template define`."""

    file: Annotated[Path, Argument(help="A file in YAML or TOML.")]
    version: Annotated[int | None, Option(help="Only in place of this version; 0: only where there is none.")] = None


async def define(asked: DefineTemplateOptions) -> None:
    """Define the template that a file holds, or replace it. The same file again changes nothing.

    For example:

        remembrancer template define report.toml
        remembrancer schedule --template report --set topic=sales
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json
    from remembrancer.cli.views.set_files import read_object

    held = read_object(asked.file, _PLACES, {})
    try:
        async with connect(asked.graph, make=True) as reached:
            made = await reached.scheduler.define_template(
                held.get("name", asked.file.stem),
                held.get("task", {}),
                held.get("parameters"),
                description=held.get("description"),
                version=asked.version,
            )
    except InvalidInput as wrong:
        raise InvalidInput(f"{asked.file} {wrong.field}", wrong.value, wrong.allowed, wrong.example) from wrong
    if asked.as_json:
        print_json(made)
    else:
        _print(made)


async def list_templates(asked: GraphOptions) -> None:
    """List the templates.

    For example:

        remembrancer template list
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, print_table, row_table

    async with connect(asked.graph, reading=True) as reached:
        templates = await reached.scheduler.list_templates()
    if asked.as_json:
        print_json(templates)
        return
    rows: list[dict[str, object]] = [
        {
            "name": each.name,
            "version": each.version,
            "parameters": ", ".join(each.parameters),
            "description": each.description or "",
            "changed_at": each.changed_at,
        }
        for each in templates
    ]
    print_table(row_table(rows), otherwise="No templates.")


@dataclass(frozen=True, kw_only=True)
class OneTemplateOptions(GraphOptions):
    """The options of `template show` and `template remove`."""

    name: Annotated[str, Argument(help="As `template list` shows it.")]


async def show_template(asked: OneTemplateOptions) -> None:
    """Show a template: its parameters, and the fields of its task.

    For example:

        remembrancer template show report
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json

    async with connect(asked.graph, reading=True) as reached:
        template = await reached.scheduler.get_template(asked.name)
    if asked.as_json:
        print_json(template)
    else:
        _print(template)


async def remove(asked: OneTemplateOptions) -> None:
    """Remove a template. The tasks that were made from it stay.

    For example:

        remembrancer template remove report
    """
    from remembrancer.cli.connect import connect
    from remembrancer.cli.output import print_json, screen

    async with connect(asked.graph) as reached:
        removed = await reached.scheduler.remove_template(asked.name)
    if asked.as_json:
        print_json({"name": asked.name, "removed": removed})
    else:
        screen().print(f"Template {asked.name} removed. Its tasks stay.", markup=False, highlight=False)


def _print(template: TaskTemplate) -> None:
    """Print a template: a line for each parameter, and one for each field of the task."""
    import json

    from remembrancer.cli.output import screen

    out = screen()
    out.print(f"{template.name}  version {template.version}", style="bold", markup=False, highlight=False)
    if template.description:
        out.print(f"  {template.description}", markup=False, highlight=False)
    for name, parameter in template.parameters.items():
        out.print(f"  {name}: {_words_of(parameter)}", markup=False, highlight=False)
    for name, value in template.task.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        out.print(f"    {name} = {shown}", markup=False, highlight=False)


def _words_of(parameter: TemplateParameter) -> str:
    """Return a parameter in words."""
    default = "needed" if parameter.default is None else f"by default {parameter.default}"
    allowed = f", one of {', '.join(map(str, parameter.allowed))}" if parameter.allowed else ""
    told = f": {parameter.description}" if parameter.description else ""
    return f"{parameter.type}, {default}{allowed}{told}"
