"""All commands in one application."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from remembrancer import __version__
from remembrancer.cli.command import Command, GraphOptions
from remembrancer.cli.commands.agenda import AgendaOptions, agenda
from remembrancer.cli.commands.apply import ApplyOptions, apply
from remembrancer.cli.commands.audit import ExportOptions, export
from remembrancer.cli.commands.backup import BackupOptions, backup
from remembrancer.cli.commands.calendar import (
    DefineCalendarOptions,
    OneCalendarOptions,
    RenewCalendarOptions,
    define,
    list_calendars,
    remove,
    renew,
    show_calendar,
)
from remembrancer.cli.commands.cancel import CancelOptions, cancel
from remembrancer.cli.commands.check import CheckOptions, check
from remembrancer.cli.commands.copy import CopyOptions, copy
from remembrancer.cli.commands.defer import DeferOptions, defer
from remembrancer.cli.commands.doctor import DoctorOptions, doctor
from remembrancer.cli.commands.history import HistoryOptions, history
from remembrancer.cli.commands.import_crontab import ImportOptions, crontab
from remembrancer.cli.commands.list import ListOptions, list_tasks
from remembrancer.cli.commands.pause import PauseOptions, pause
from remembrancer.cli.commands.preview import PreviewOptions, preview
from remembrancer.cli.commands.prune import PruneOptions, prune
from remembrancer.cli.commands.query import QueryOptions, query
from remembrancer.cli.commands.restore import RestoreOptions, restore
from remembrancer.cli.commands.resume import ResumeOptions, resume
from remembrancer.cli.commands.run_now import RunNowOptions, run_now
from remembrancer.cli.commands.schedule import ScheduleOptions, schedule
from remembrancer.cli.commands.schema import SchemaOptions, schema
from remembrancer.cli.commands.serve import serve
from remembrancer.cli.commands.show import ShowOptions, show
from remembrancer.cli.commands.status import StatusOptions, status
from remembrancer.cli.commands.token import CreateTokenOptions, RevokeTokenOptions, create, list_tokens, revoke
from remembrancer.cli.commands.update import UpdateOptions, update
from remembrancer.cli.commands.watch import WatchOptions, watch
from remembrancer.cli.options import GraphBefore  # noqa: TC001 (typer reads the annotations)
from remembrancer.cli.serve_options import SERVE_OPTIONS

app: Final = typer.Typer(
    name="remembrancer",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(Command(SERVE_OPTIONS, serve))
app.command("schedule")(Command(ScheduleOptions, schedule))
app.command("list")(Command(ListOptions, list_tasks))
app.command("show")(Command(ShowOptions, show))
app.command("cancel")(Command(CancelOptions, cancel))
app.command("defer")(Command(DeferOptions, defer))
app.command("update")(Command(UpdateOptions, update))
app.command("pause")(Command(PauseOptions, pause))
app.command("resume")(Command(ResumeOptions, resume))
app.command("run-now")(Command(RunNowOptions, run_now))
app.command("apply")(Command(ApplyOptions, apply))
app.command("history")(Command(HistoryOptions, history))
app.command("agenda")(Command(AgendaOptions, agenda))
app.command("preview")(Command(PreviewOptions, preview))
app.command("query")(Command(QueryOptions, query))
app.command("cypher", hidden=True)(Command(QueryOptions, query))
app.command("status")(Command(StatusOptions, status))
app.command("copy")(Command(CopyOptions, copy))
app.command("check")(Command(CheckOptions, check))
app.command("backup")(Command(BackupOptions, backup))
app.command("restore")(Command(RestoreOptions, restore))
app.command("prune")(Command(PruneOptions, prune))
app.command("schema")(Command(SchemaOptions, schema))
app.command("watch")(Command(WatchOptions, watch))
app.command("doctor")(Command(DoctorOptions, doctor))

audits: Final = typer.Typer(no_args_is_help=True, help="Export the audit log.", rich_markup_mode="markdown")
audits.command("export")(Command(ExportOptions, export))
app.add_typer(audits, name="audit")

imports: Final = typer.Typer(no_args_is_help=True, help="Import schedules.", rich_markup_mode="markdown")
imports.command("crontab")(Command(ImportOptions, crontab))
app.add_typer(imports, name="import")

calendars: Final = typer.Typer(
    no_args_is_help=True, help="Define and renew calendars with a name.", rich_markup_mode="markdown"
)
calendars.command("define")(Command(DefineCalendarOptions, define))
calendars.command("renew")(Command(RenewCalendarOptions, renew))
calendars.command("list")(Command(GraphOptions, list_calendars))
calendars.command("show")(Command(OneCalendarOptions, show_calendar))
calendars.command("remove")(Command(OneCalendarOptions, remove))
app.add_typer(calendars, name="calendar")

tokens: Final = typer.Typer(no_args_is_help=True, help="Manage the tokens of the API.", rich_markup_mode="markdown")
tokens.command("create")(Command(CreateTokenOptions, create))
tokens.command("list")(Command(GraphOptions, list_tokens))
tokens.command("revoke")(Command(RevokeTokenOptions, revoke))
app.add_typer(tokens, name="token")


def _version(asked: bool) -> None:  # noqa: FBT001 (typer calls it so)
    if asked:
        typer.echo(f"remembrancer {__version__}")
        raise typer.Exit


@app.callback()
def remembrancer(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
    graph: GraphBefore = None,
) -> None:
    """Schedule what an agent has to do, and remember what became of it, in its memory graph.

    A first round, in two terminals:

        remembrancer serve        # fires tasks as they fall due

        remembrancer schedule "Water the plants" --in 10s --prompt "Water the plants in the hall."
        remembrancer list         # what is to come
        remembrancer history      # what became of it

    **The graph** is a folder, made when first needed, or the URI of a server. Name it with `--graph` (`-g`),
    before the command or after it (the one after it counts), or once for all commands with `REMEMBRANCER_GRAPH`;
    else it is `./remembrancer-graph`. While `serve` holds a folder, the other commands reach it by themselves.

    **For machines**, every command takes `--json`. Results go to stdout, everything else to stderr.

    **Exit codes**: 0 done · 1 refused or failed · 2 a wrong option or value · 3 no such task · 4 the graph is
    missing, held by another process, or out of reach · of `doctor`: 5 worth a look, 6 critical · of `check`:
    5 wrong, 6 lost, 7 repaired with loss · 130, 143, 129 ended
    by Ctrl-C, SIGTERM, SIGHUP · 141 the reader of its output has gone. `serve` and `watch` end with 0 at the first
    signal: that is how they end.
    """
