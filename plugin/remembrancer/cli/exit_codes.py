"""Exit codes of commands, and errors as one block on stderr."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import TYPE_CHECKING, Final, cast

import typer

from remembrancer.cli.signals import ShutdownSignals
from remembrancer.errors import GraphUnavailable, InvalidInput, RemembrancerError, TaskNotFound

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

FAILED: Final = 1
INVALID: Final = 2
NOT_FOUND: Final = 3
UNAVAILABLE: Final = 4
_OPTION_FIELDS: Final = {"end": "until", "rule": "rrule"}
"""From a field of a schedule to the field of a command's options that holds it, where the names differ."""
_END_SECONDS: Final = 5.0
"""Seconds for a command to release its resources after a signal."""


def run(
    work: Coroutine[None, None, int | None], *, as_json: bool = False, options: Mapping[str, str] | None = None
) -> None:
    """Run *work* to its end and exit with the code that it returns; None is 0.

    A signal cancels it: then the code is the one it returns, or else that of a process ended by the signal.
    *options* are those of the command's fields, for errors that name a field.
    """
    with ShutdownSignals(_END_SECONDS) as signals:
        try:
            code = asyncio.run(signals.attend(work))
        except RemembrancerError as error:
            print_error(error, as_json=as_json, options=options)
            code = exit_code(error)
        except (asyncio.CancelledError, KeyboardInterrupt):
            _print_interrupted(as_json=as_json)
            code = signals.code
    if code:
        raise typer.Exit(code)


def exit_code(error: RemembrancerError) -> int:
    """Return the exit code for *error*, as documented in `remembrancer --help`."""
    match error:
        case InvalidInput():
            return INVALID
        case TaskNotFound():
            return NOT_FOUND
        case GraphUnavailable():
            return UNAVAILABLE
        case _:
            return FAILED


def print_error(error: RemembrancerError, *, as_json: bool, options: Mapping[str, str] | None = None) -> None:
    """Print *error* to stderr, with the options of the fields that it names."""
    from remembrancer.cli.output import errors, to_json
    from remembrancer.surfaces.jsonable import to_jsonable

    named = _options_of(error, options or {})
    if as_json:
        carried = _fields(to_jsonable(_carried(error))) | ({"options": named} if named else {})
        document = {"type": type(error).__name__, "message": str(error), **carried}
        sys.stderr.write(to_json({"error": document}) + "\n")
        return
    out = errors()
    out.print(f"[bold red]{type(error).__name__}[/]", highlight=False)
    if isinstance(error, InvalidInput):
        rows = (
            ("field", error.field),
            *((("option", ", ".join(named)),) if named else ()),
            ("value", error.quoted),
            ("allowed", error.allowed),
            *((("example", error.example),) if error.example is not None else ()),
        )
        for name, value in rows:
            said = _typed(value).replace("\n", "\\n") if name == "example" else str(value)  # --rrule reads it so
            out.print(f"  {name:8}", said, markup=False, highlight=False)
    else:
        out.print(f"  {error}", markup=False, highlight=False)


def _typed(example: object) -> str:
    """Return an example as it is typed: objects as JSON, and of a list, for which an option is repeated, an element."""
    if isinstance(example, list) and len(one := cast("list[object]", example)) == 1:
        return _typed(one[0])
    return json.dumps(example, ensure_ascii=False) if isinstance(example, dict | list) else str(example)


def _options_of(error: RemembrancerError, options: Mapping[str, str]) -> list[str]:
    """Return the options of the field of *error*, and of those that its text speaks of."""
    if not isinstance(error, InvalidInput):
        return []
    whole = error.field.partition("[")[0]  # of an element of a list, the list
    field = whole if whole in options else _OPTION_FIELDS.get(error.field)
    spoken = {
        each for each in re.findall(r"(?<![{\w])\w+", error.allowed) if "_" in each
    }  # but no {field} of a template
    return [flag for name, flag in options.items() if name == field or name in spoken]


def _carried(error: RemembrancerError) -> dict[str, object]:
    return {**vars(error), "value": error.quoted} if isinstance(error, InvalidInput) else vars(error)


def _print_interrupted(*, as_json: bool) -> None:
    words = "Interrupted."
    document = {"error": {"type": "Interrupted", "message": words}}
    typer.echo(json.dumps(document) if as_json else words, err=True)


def _fields(fields: object) -> dict[str, object]:
    return fields if isinstance(fields, dict) else {}  # pyright: ignore[reportUnknownVariableType]  plain() of a dict
