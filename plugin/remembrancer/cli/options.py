"""Options that several commands share, and parsers of their values."""

from __future__ import annotations

import re
from typing import Annotated, Final

import typer

from remembrancer.errors import InvalidInput

DEFAULT_GRAPH: Final = "./remembrancer-graph"
MOST: Final = 999_999
"""Lines that a list may be asked for."""

Graph = Annotated[
    str,
    typer.Option(
        "--graph",
        "-g",
        envvar="REMEMBRANCER_GRAPH",
        metavar="FOLDER|URI",
        help="The graph.",
        show_envvar=True,
    ),
]
GraphBefore = Annotated[
    str | None,
    typer.Option("--graph", "-g", metavar="FOLDER|URI", help="The graph, for any command."),
]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Open a folder without writing to it, even a damaged one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TaskId = Annotated[str, typer.Argument(metavar="TASK_ID", help="As `list` shows it, or its beginning.")]
Zone = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        "-z",
        metavar="ZONE",
        help="IANA time zone of wall times, such as Europe/Berlin; default UTC.",
    ),
]
ReadersZone = Annotated[
    str,
    typer.Option(
        "--zone", "--timezone", "-z", metavar="ZONE", help="The IANA zone of the reader: of times without an offset."
    ),
]

_DAYS: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([dhw])")
_IN_DAYS: Final = {"h": 1 / 24, "d": 1.0, "w": 7.0}


def read_days(text: str, option: str) -> float:
    """Parse a retention period such as `90d`, in days. Raises InvalidInput."""
    found = _DAYS.fullmatch(text.strip())
    if found is None:
        raise InvalidInput(option, text, "a number and a unit: h, d or w", "90d")
    return float(found[1]) * _IN_DAYS[found[2]]
