"""The commands and their options, from the application itself."""

from __future__ import annotations

import re
from enum import Enum
from textwrap import dedent
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

import typer

from reference_pages.calls import CALLS
from reference_pages.docstrings import paragraph, prose, sentence
from reference_pages.markdown import code, table
from remembrancer.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED: Final = ("--json", "--graph", "--read-only")
"""Options that most commands have: described once, before all others."""
_EXAMPLES: Final = re.compile(r"For example:\n\n((?: {4}.*\n?)+)")
_HEAD: Final = ("option", "value", "default", "meaning", "environment")


def commands() -> str:
    """Return the table of commands."""
    head = ("command", "does", "in Python")
    rows = [
        (
            f"[{code(_usage(name, command))}](#{name.replace(' ', '-')})",
            sentence(command.help),
            ", ".join(f"`{call}`" for call in CALLS[name]),
        )
        for name, command in _each()
    ]
    return table(head, rows)


def shared_options() -> str:
    """Return the table of the options that most commands have."""
    found = {each.opts[0]: each for _, command in _each() for each in command.params if each.opts[0] in SHARED}
    return table(_HEAD, [_row(found[name]) for name in SHARED])


def options() -> str:
    """Return a heading for each command, with its help and its own arguments and options."""
    return "\n\n".join(_described(name, command) for name, command in _each())


def command_names() -> list[str]:
    """Return the name of each command that help lists, a command below another as two words."""
    return [name for name, _ in _each()]


def _each() -> Iterator[tuple[str, Any]]:
    for name, command in getattr(typer.main.get_command(app), "commands", {}).items():
        for below, inner in getattr(command, "commands", {}).items():
            yield f"{name} {below}", inner
        if not getattr(command, "commands", {}) and not command.hidden:
            yield name, command


def _usage(name: str, command: Any) -> str:
    taken = [each for each in command.params if each.param_type_name == "argument"]
    return " ".join([name, *(_metavar(each) if each.required else f"[{_metavar(each)}]" for each in taken)])


def _described(name: str, command: Any) -> str:
    own = [each for each in command.params if each.opts[0] not in SHARED]
    shared = [f"`{each.opts[0]}`" for each in command.params if each.opts[0] in SHARED]
    also = f"It also takes {' and '.join(filter(None, [', '.join(shared[:-1]), shared[-1]]))}."
    parts = [f"### {name}", paragraph(command.help), _tables(own), also, _examples(command.help)]
    return "\n\n".join(part for part in parts if part)


def _examples(help_text: str) -> str:
    """Return the examples of a command's help, as a block of code."""
    found = _EXAMPLES.search(help_text)
    return f"```sh\n{dedent(found[1]).strip()}\n```" if found else ""


def _tables(params: list[Any]) -> str:
    """Return a table for each group of options that help shows apart."""
    groups: dict[str, list[Any]] = {}
    for each in params:
        groups.setdefault(each.rich_help_panel or "", []).append(each)
    titled = [(f"{title}:\n\n" if title else "") + table(_HEAD, map(_row, rows)) for title, rows in groups.items()]
    return "\n\n".join(titled)


def _row(param: Any) -> tuple[str, ...]:
    is_argument = param.param_type_name == "argument"
    names = [_metavar(param)] if is_argument else [*param.opts, *param.secondary_opts]
    return (
        ", ".join(code(each) for each in names),
        "" if is_argument else _value(param),
        _default(param),
        prose(param.help or ""),
        f"`{param.envvar}`" if param.envvar else "",
    )


def _metavar(param: Any) -> str:
    return (param.metavar or param.name.upper()).strip("[]")


def _value(param: Any) -> str:
    """Return the value that an option takes: a word for it, words to choose from, or bounds; a flag has none."""
    if param.is_flag:
        return ""
    kind = _kind(param.type_descriptor.annotation)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(code(each.value) for each in kind)
    if param.min is not None:
        return f"{param.min:,} to {param.max:,}"
    return code(param.metavar or {"int": "INTEGER", "float": "NUMBER", "Path": "PATH"}.get(kind.__name__, "TEXT"))


def _kind(annotation: Any) -> Any:
    """Return the type of one value, of whatever may be absent or given more than once."""
    if get_origin(annotation) is list:
        return get_args(annotation)[0]
    some = [each for each in get_args(annotation) if each is not NoneType]
    return some[0] if some else annotation


def _default(param: Any) -> str:
    if param.required:
        return "required"
    if isinstance(param.show_default, str):
        return param.show_default
    if param.default is None or param.default is False or param.default == "":
        return ""
    if param.secondary_opts and param.default is True:
        return code(param.opts[0])
    return code(param.default.value if isinstance(param.default, Enum) else param.default)
