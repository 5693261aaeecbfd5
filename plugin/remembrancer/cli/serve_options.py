"""The options of `remembrancer serve`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from typer import Option

from remembrancer.cli.command import GraphOptions
from remembrancer.model.query_limits import LONGEST_SECONDS, ROWS, SECONDS, SIZE

_QUERIES: Final = "What a query may take that others ask of it"
_MOST_BYTES: Final = 12 * 1024 * 1024
"""What the control channel carries in one frame, with room for how it is written there."""
_OPEN: Final = "What it opens to others, on this machine only"
_NET: Final = "The API beyond this machine"


@dataclass(frozen=True, kw_only=True)
class ServeOptions(GraphOptions):
    """The options of `serve`."""

    handler: Annotated[
        str | None,
        Option(
            metavar="MODULE:FUNCTION",
            help="What does the work; else a firing becomes a thought in the graph.",
        ),
    ] = None
    check_interval_seconds: Annotated[
        float,
        Option("--check-interval", min=0.01, help="The longest sleep between two looks at the graph, seconds."),
    ] = 60.0
    stop_timeout: Annotated[float, Option(min=0, help="How long handlers may go on when it stops, seconds.")] = 10.0
    keep: Annotated[
        str | None,
        Option(
            "--retention", metavar="TIME", help="Roll up executions that are over and began longer ago: 90d, 12w, 36h."
        ),
    ] = None
    bolt: Annotated[bool, Option("--bolt/--no-bolt", help="Let drivers read the graph.", rich_help_panel=_OPEN)] = True
    bolt_port: Annotated[
        int, Option(min=0, max=65535, help="0 is any free one. Of a folder only.", rich_help_panel=_OPEN)
    ] = 0
    rest: Annotated[
        bool | None,
        Option("--rest/--no-rest", help="Serve the API; if not said, where it can be.", rich_help_panel=_OPEN),
    ] = None
    rest_port: Annotated[int, Option(min=0, max=65535, help="0 is any free one.", rich_help_panel=_OPEN)] = 0
    host: Annotated[
        str,
        Option(metavar="ADDRESS", help="Where the API listens; beyond this machine, see below.", rich_help_panel=_NET),
    ] = "127.0.0.1"
    allowed_host: Annotated[
        list[str] | None,
        Option(metavar="NAME", help="A host name that clients may ask for the API under.", rich_help_panel=_NET),
    ] = None
    tls_cert: Annotated[str | None, Option(metavar="FILE", help="Its certificate, PEM.", rich_help_panel=_NET)] = None
    tls_key: Annotated[str | None, Option(metavar="FILE", help="The certificate's key, PEM.", rich_help_panel=_NET)] = (
        None
    )
    proxy: Annotated[
        list[str] | None,
        Option(metavar="ADDRESS,…", help="Proxies whose forwarded headers are believed.", rich_help_panel=_NET),
    ] = None
    root_path: Annotated[
        str, Option(metavar="PATH", help="Below which path a proxy serves the API.", rich_help_panel=_NET)
    ] = ""
    metrics_port: Annotated[
        int | None, Option(min=0, max=65535, help="Serve /metrics for Prometheus there.", rich_help_panel=_OPEN)
    ] = None
    control_port: Annotated[
        int,
        Option(min=0, max=65535, help="Where there are no Unix sockets, for other commands.", rich_help_panel=_OPEN),
    ] = 0
    query_seconds: Annotated[
        float,
        Option(min=0.1, max=LONGEST_SECONDS, help="How long one query may take.", rich_help_panel=_QUERIES),
    ] = SECONDS
    query_rows: Annotated[int, Option(min=1, help="How many rows its answer may have.", rich_help_panel=_QUERIES)] = (
        ROWS
    )
    query_bytes: Annotated[
        int, Option(min=1000, max=_MOST_BYTES, help="How many bytes of JSON they may be.", rich_help_panel=_QUERIES)
    ] = SIZE
