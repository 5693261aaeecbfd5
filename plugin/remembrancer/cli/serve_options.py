"""Options of `remembrancer serve`: its own, and one for each setting of the scheduler."""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass, replace
from typing import Annotated, Final, cast

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.errors import InvalidInput
from remembrancer.settings import SETTINGS, SchedulerOptions, Setting

_MOST_BYTES: Final = 12 * 1024 * 1024
"""The control channel carries so much in one frame, with room for the JSON around it."""
_OPEN: Final = "Local endpoints"
_NET: Final = "The API beyond this machine"


@dataclass(frozen=True, kw_only=True)
class ServeOptions(GraphOptions):
    """The options of `serve`."""

    handler: Annotated[
        str | None,
        Option(
            metavar="MODULE:FUNCTION",
            help="The function that does the work; without one, each firing becomes a thought in the graph.",
        ),
    ] = None
    run_commands: Annotated[
        bool,
        Option(
            "--run-commands",
            help="Run the command of a task that has one, as this user; without it, no command is run.",
        ),
    ] = False
    bolt: Annotated[
        bool, Option("--bolt/--no-bolt", help="Let drivers read the graph, over Bolt.", rich_help_panel=_OPEN)
    ] = True
    bolt_port: Annotated[
        int, Option(min=0, max=65535, help="The port of Bolt; 0 is any free one.", rich_help_panel=_OPEN)
    ] = 0
    rest: Annotated[
        bool | None,
        Option("--rest/--no-rest", help="Serve the API; by default where it is installed.", rich_help_panel=_OPEN),
    ] = None
    rest_port: Annotated[
        int, Option(min=0, max=65535, help="The port of the API; 0 is any free one.", rich_help_panel=_OPEN)
    ] = 0
    host: Annotated[
        str,
        Option(
            metavar="ADDRESS",
            help="The interface that the API listens on; others than this need TLS or a proxy.",
            rich_help_panel=_NET,
        ),
    ] = "127.0.0.1"
    allowed_host: Annotated[
        list[str] | None,
        Option(
            metavar="NAME",
            help="A host name that clients may use for the API; may be given again.",
            rich_help_panel=_NET,
        ),
    ] = None
    tls_cert: Annotated[
        str | None, Option(metavar="FILE", help="The certificate of the API, PEM.", rich_help_panel=_NET)
    ] = None
    tls_key: Annotated[str | None, Option(metavar="FILE", help="The certificate's key, PEM.", rich_help_panel=_NET)] = (
        None
    )
    proxy: Annotated[
        list[str] | None,
        Option(metavar="ADDRESS,…", help="Proxies whose forwarded headers are trusted.", rich_help_panel=_NET),
    ] = None
    root_path: Annotated[
        str, Option(metavar="PATH", help="The path below which a proxy serves the API.", rich_help_panel=_NET)
    ] = ""
    metrics_port: Annotated[
        int | None,
        Option(
            min=0, max=65535, help="The port of `/metrics`, for Prometheus; without it, none.", rich_help_panel=_OPEN
        ),
    ] = None
    control_port: Annotated[
        int,
        Option(
            min=0,
            max=65535,
            help="The port for other commands, where there are no Unix sockets; 0 is any free one.",
            rich_help_panel=_OPEN,
        ),
    ] = 0

    def numbers(self) -> SchedulerOptions:
        """Return the scheduler's settings: of the options, else of the environment. Raises InvalidInput."""
        typed = {each: cast("str | None", getattr(self, each.name)) for each in SETTINGS.values()}
        given = {each.name: each.read(text, each.option) for each, text in typed.items() if text is not None}
        numbers = replace(SchedulerOptions.from_environment(), **given)
        if numbers.query_bytes > _MOST_BYTES:
            raise InvalidInput("--query-bytes", numbers.query_bytes, f"at most {_MOST_BYTES:,} in `serve`", _MOST_BYTES)
        return numbers


def _option(setting: Setting) -> object:
    """Return the type of a setting's option, as typer reads it."""
    option = Option(
        setting.option,
        metavar=setting.unit.upper() or "NUMBER",
        help=setting.bounds.help,
        show_default=setting.shown_default,
        rich_help_panel=setting.bounds.section,
    )
    return Annotated[str | None, option]


SERVE_OPTIONS: Final = cast(
    "type[ServeOptions]",
    make_dataclass(
        "ServeOptionsWithSettings",
        [(each.name, _option(each), field(default=None)) for each in SETTINGS.values()],
        bases=(ServeOptions,),
        frozen=True,
        kw_only=True,
    ),
)
"""`ServeOptions` with an option for each setting."""
