"""Commands: coroutines over one options object, whose fields are the arguments and options."""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, fields
from inspect import Parameter, Signature, cleandoc
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast, get_type_hints

import typer
from typer.models import OptionInfo

from remembrancer.cli.exit_codes import run
from remembrancer.cli.options import DEFAULT_GRAPH, AsJson, Graph, ReadOnly
from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


@dataclass(frozen=True, kw_only=True)
class CommandOptions:
    """Options of every command; a field of a subclass is an argument or an option, as annotated."""

    as_json: AsJson = False


@dataclass(frozen=True, kw_only=True)
class GraphOptions(CommandOptions):
    """Options of every command that works on a graph."""

    graph: Graph = DEFAULT_GRAPH


@dataclass(frozen=True, kw_only=True)
class ReadOptions(GraphOptions):
    """Options of every command that only reads a graph."""

    read_only: ReadOnly = False


O = TypeVar("O", bound=CommandOptions)  # noqa: E741 (it is no variable)


class Command(Generic[O]):
    """A function for typer, which reads arguments from a signature, and does not await.

    Args:
        taking: The class of the options.
        work: The command; it returns the exit code, or None for 0. Its docstring is the help.
    """

    __name__: str

    def __init__(self, taking: type[O], work: Callable[[O], Coroutine[None, None, int | None]]) -> None:
        hints = get_type_hints(taking, include_extras=True)
        # Shared options come last in the help.
        ordered = sorted(fields(taking), key=lambda each: each.name in _SHARED)
        self._take: Callable[..., O] = taking
        self._work = work
        self._options = {name: flag for name, hint in hints.items() if (flag := _flag(name, hint))}
        self.__doc__ = f"{cleandoc(work.__doc__ or '')}\n\n{_CLOSING}"
        self.__name__ = work.__name__
        self.__annotations__ = {_CONTEXT: typer.Context, **{each.name: hints[each.name] for each in ordered}}
        context = Parameter(_CONTEXT, Parameter.KEYWORD_ONLY, annotation=typer.Context)
        self.__signature__ = Signature([context, *(_parameter(each, hints[each.name]) for each in ordered)])

    def __call__(self, typed: typer.Context, **given: object) -> None:
        """Run the command and exit with its code."""
        asked = self._take(**given)
        before = typed.find_root().params.get("graph")
        if before is not None and not isinstance(asked, GraphOptions):
            run(_refuse(before), as_json=asked.as_json, options=self._options)
        if before is not None and not _is_typed(typed.get_parameter_source("graph")):
            given["graph"] = before  # --graph before the command overrides the environment
        run(self._work(self._take(**given)), as_json=asked.as_json, options=self._options)


def _is_typed(source: object) -> bool:
    """Return True for a value from the command line; the class of *source* depends on the version of typer."""
    return getattr(source, "name", None) == "COMMANDLINE"


async def _refuse(graph: str) -> None:
    allowed = "no --graph before this command, which does not work on one graph"
    raise InvalidInput("--graph", graph, allowed, "remembrancer copy ./remembrancer-graph ./copy")


def _parameter(each: Field[object], annotation: object) -> Parameter:
    default = Parameter.empty if each.default is MISSING else each.default
    return Parameter(each.name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _flag(name: str, hint: object) -> str | None:
    """Return the shortest long option of a field; None for an argument."""
    noted = cast("tuple[object, ...]", getattr(hint, "__metadata__", ()))
    about = next((each for each in noted if isinstance(each, OptionInfo)), None)
    if about is None:
        return None
    # What stands first is the default of typer's Option, until it reads it beside a type as one more name.
    names = (about.default, *(about.param_decls or ()))
    flags = [each for each in names if isinstance(each, str) and each.startswith("--")]
    return min(flags, key=len).partition("/")[0] if flags else f"--{name.replace('_', '-')}"


_CONTEXT: Final = "typed"
_SHARED: Final = frozenset({"as_json", "graph", "read_only"})
_CLOSING: Final = "For the exit codes see `remembrancer --help`."
