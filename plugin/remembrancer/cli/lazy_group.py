"""Groups of commands that import the module of a command only when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from remembrancer.cli.command import Command

_MARKUP: Final = "markdown"


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A command in the table of its group.

    Args:
        place: The module below `cli.commands`, its class of options and its function: `cancel:CancelOptions:cancel`.
        help: The first paragraph of the function's docstring; the list of commands shows it.
        hidden: True if the list leaves the command out.
    """

    place: str
    help: str
    hidden: bool = False

    def load(self, name: str) -> Any:
        """Import the module and return the command."""
        module, options, work = self.place.split(":")
        home = import_module(f"remembrancer.cli.commands.{module}")
        alone = typer.Typer(add_completion=False, rich_markup_mode=_MARKUP, pretty_exceptions_enable=False)
        alone.command(name, hidden=self.hidden)(Command(getattr(home, options), getattr(home, work)))
        return typer.main.get_command(alone)


@dataclass(frozen=True, slots=True)
class CommandGroup:
    """A group of commands in the table of the group above it."""

    help: str
    entries: Mapping[str, CommandEntry]
    hidden: bool = False

    def load(self, name: str) -> Any:
        """Return the group, whose commands are loaded one by one."""
        return LazyGroup(self.entries, name=name, help=self.help, no_args_is_help=True, rich_markup_mode=_MARKUP)


class LazyGroup(TyperGroup):
    """A group whose commands are those of a table; its help imports none of them.

    Args:
        entries: The table, by the names of the commands; by default that of the class.
        commands: Those of typer, of which there are none.
        given: The other arguments of a group.
    """

    entries: Mapping[str, CommandEntry | CommandGroup] = {}

    def __init__(
        self, entries: Mapping[str, CommandEntry | CommandGroup] | None = None, *, commands: object = None, **given: Any
    ) -> None:
        del commands
        super().__init__(**given)
        self.entries = self.entries if entries is None else entries
        self.commands: Any = _Loaded(self.entries)

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002 (typer passes it)
        """Return the names of the commands."""
        return [*self.entries]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, with a line of the table for each command."""
        listing = copy(self)
        listing.commands = {
            name: TyperCommand(name, help=each.help, hidden=each.hidden) for name, each in self.entries.items()
        }
        TyperGroup.format_help(listing, ctx, formatter)


class _Loaded(Mapping[str, Any]):
    """The commands of a table, each loaded once, when it is asked for."""

    def __init__(self, entries: Mapping[str, CommandEntry | CommandGroup]) -> None:
        self._entries = entries
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = self._entries[name].load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
