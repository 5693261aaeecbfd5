"""All commands in one application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from remembrancer import __version__
from remembrancer.cli.lazy_group import CommandEntry, CommandGroup, LazyGroup
from remembrancer.cli.options import GraphBefore  # noqa: TC001 (typer reads the annotations)

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS: Final[Mapping[str, CommandEntry | CommandGroup]] = {
    "serve": CommandEntry(
        "serve:SERVE_OPTIONS:serve",
        "Fire tasks as they fall due, until it is stopped: by Ctrl-C, SIGTERM, or the end of its terminal.",
    ),
    "mcp": CommandEntry(
        "mcp:McpOptions:mcp",
        "Serve the scheduler's tools, over stdio, to the MCP host that starts this process.",
    ),
    "schedule": CommandEntry(
        "schedule:ScheduleOptions:schedule",
        "Schedule a task: at a time, by a cron expression or another schedule, or by one that begins at a time.",
    ),
    "list": CommandEntry(
        "list:ListOptions:list_tasks",
        "List tasks, the next to run first: those still to come, or all. `show` adds the deferral history of one.",
    ),
    "show": CommandEntry(
        "show:ShowOptions:show", "Show one task: what it is, its deferrals, and its latest executions."
    ),
    "cancel": CommandEntry(
        "cancel:CancelOptions:cancel",
        "Cancel a task, or all that match; their records are kept. Exit code 1: the task had ended before.",
    ),
    "defer": CommandEntry("defer:DeferOptions:defer", "Defer a task's next run to a later time."),
    "ask": CommandEntry("ask:AskOptions:ask", "Let a task's next run wait for an answer of people."),
    "answer": CommandEntry(
        "answer:AnswerOptions:answer",
        "Answer the question that a task waits for: its run begins, or after `no` is skipped.",
    ),
    "questions": CommandEntry(
        "questions:QuestionsOptions:questions",
        "List the questions without an answer, the oldest first: of whom, until when, and what happens then.",
    ),
    "update": CommandEntry(
        "update:UpdateOptions:update",
        "Change fields of a task, or of all that match, and show the next fires. What runs keeps what it began with.",
    ),
    "pause": CommandEntry(
        "pause:PauseOptions:pause",
        "Pause a task, or all that match: nothing fires until it is resumed, or until a time. What runs goes on.",
    ),
    "resume": CommandEntry(
        "resume:ResumeOptions:resume",
        "Resume a paused task, or all that match, and say what becomes of the occurrences that it missed.",
    ),
    "skip": CommandEntry(
        "skip:SkipOptions:skip", "Skip the next occurrences of a task, in place of those asked for before."
    ),
    "add-fire": CommandEntry(
        "add_fire:AddFireOptions:add_fire", "Add one occurrence to a task. Its other occurrences stay."
    ),
    "reschedule": CommandEntry(
        "reschedule:RescheduleOptions:reschedule",
        "Move one occurrence of a task to another time. Its other occurrences stay.",
    ),
    "backfill": CommandEntry(
        "backfill:BackfillOptions:backfill", "Run the occurrences of a range in the past, one after the other."
    ),
    "blocked": CommandEntry(
        "blocked:BlockedOptions:blocked",
        "Show the tasks that wait for others: for what, down to the root, and what would let them run.",
    ),
    "halt": CommandEntry(
        "halt:HaltOptions:halt",
        "Halt the scheduler: nothing begins, on any replica, until it is released. What runs goes on.",
    ),
    "release": CommandEntry(
        "release:ReleaseOptions:release",
        "End the halt of the scheduler. What fell due meanwhile runs, once for each task.",
    ),
    "run-now": CommandEntry(
        "run_now:RunNowOptions:run_now", "Run a task once, now, outside its schedule. Exit code 1: it did not complete."
    ),
    "work": CommandEntry(
        "work:WorkOptions:work",
        "Do the work of queues, for the scheduler that serves the graph, until it is stopped.",
    ),
    "apply": CommandEntry(
        "apply:ApplyOptions:apply",
        "Make the tasks of a set those that a file declares. Applying it again changes nothing.",
    ),
    "history": CommandEntry(
        "history:HistoryOptions:history",
        "Show the executions, newest first; of one task, its changes too,"
        " unless --since, --until or --status is given.",
    ),
    "agenda": CommandEntry(
        "agenda:AgendaOptions:agenda", "Show every fire of every open task in a range of time, in the reader's zone."
    ),
    "preview": CommandEntry(
        "preview:PreviewOptions:preview",
        "Show what a schedule means: words, next fires, effects of clock changes, and points to be careful about.",
    ),
    "query": CommandEntry(
        "query:QueryOptions:query",
        "Ask the graph a reading question: in Cypher, or one that comes with the package, by its name.",
    ),
    "cypher": CommandEntry(
        "query:QueryOptions:query",
        "Ask the graph a reading question: in Cypher, or one that comes with the package, by its name.",
        hidden=True,
    ),
    "status": CommandEntry(
        "status:StatusOptions:status",
        "Show scheduler status and metrics. Exit code 1: a scheduler runs, and is not healthy.",
    ),
    "copy": CommandEntry(
        "copy:CopyOptions:copy", "Copy a whole graph to another place or engine, and compare the two."
    ),
    "check": CommandEntry(
        "check:CheckOptions:check",
        "Check a whole graph: the engine's files, every index, record, key and edge, and the counters.",
    ),
    "backup": CommandEntry(
        "backup:BackupOptions:backup",
        "Back up a graph, even while `serve` works on it: the backup holds everything acknowledged before its start.",
    ),
    "restore": CommandEntry(
        "restore:RestoreOptions:restore", "Restore a backup as a new graph, with an id of its own."
    ),
    "circuit": CommandEntry(
        "circuit:CircuitOptions:circuit",
        "Set or reset the circuit of a service that tasks share, or list the circuits.",
    ),
    "limit": CommandEntry("limit:LimitOptions:limit", "Limit how many executions run at once, or list the limits."),
    "prune": CommandEntry(
        "prune:PruneOptions:prune", "Replace old executions by a summary for each task and day; every count stays true."
    ),
    "recheck": CommandEntry(
        "recheck:RecheckOptions:recheck",
        "Derive all armed times again, by the rules of their time zones now in force; show the fires that move.",
    ),
    "schema": CommandEntry(
        "schema:SchemaOptions:schema",
        "Print the statements that make the schema on a Neo4j server, for its administrator.",
    ),
    "watch": CommandEntry(
        "watch:WatchOptions:watch",
        "Show due tasks, running executions with their progress, and recent events, until Ctrl-C.",
    ),
    "doctor": CommandEntry(
        "doctor:DoctorOptions:doctor", "Run ten diagnostic checks; print each finding, why it matters, and what to do."
    ),
    "audit": CommandGroup(
        "Export the audit log.",
        {
            "export": CommandEntry(
                "audit:ExportOptions:export",
                "Write the audit log as JSON lines, oldest first: every change of a task or of the graph, "
                "with its actor.",
            ),
        },
    ),
    "import": CommandGroup(
        "Import schedules of other systems.",
        {
            "crontab": CommandEntry(
                "imports:CrontabOptions:crontab", "Import the jobs of a crontab, and report on every line of it."
            ),
            "systemd": CommandEntry(
                "imports:SystemdOptions:systemd", "Import timers of systemd, each with the command of its service."
            ),
            "apscheduler": CommandEntry(
                "imports:DatabaseOptions:apscheduler",
                "Import the jobs of APScheduler 3, from the SQLite database of its SQLAlchemy job store.",
            ),
            "celery": CommandEntry(
                "imports:FileOptions:celery", "Import a beat schedule of Celery, or the tables of django-celery-beat."
            ),
            "claude-code": CommandEntry(
                "imports:FileOptions:claude_code",
                "Import the scheduled tasks of Claude Code, from its file `scheduled_tasks.json`.",
            ),
        },
    ),
    "export": CommandGroup(
        "Export tasks to other systems.",
        {
            "ical": CommandEntry(
                "exports:CalendarOptions:ical",
                "Print what comes as a calendar, one event for each fire, for any program that reads iCalendar.",
            ),
            "crontab": CommandEntry(
                "exports:CrontabExportOptions:crontab",
                "Print the recurring tasks with commands as a crontab, which `import crontab` reads back.",
            ),
        },
    ),
    "template": CommandGroup(
        "Define templates of tasks.",
        {
            "define": CommandEntry(
                "template:DefineTemplateOptions:define",
                "Define the template that a file holds, or replace it. The same file again changes nothing.",
            ),
            "list": CommandEntry("template:GraphOptions:list_templates", "List the templates."),
            "show": CommandEntry(
                "template:OneTemplateOptions:show_template",
                "Show a template: its parameters, and the fields of its task.",
            ),
            "remove": CommandEntry(
                "template:OneTemplateOptions:remove", "Remove a template. The tasks that were made from it stay."
            ),
        },
    ),
    "calendar": CommandGroup(
        "Define and renew calendars with a name.",
        {
            "define": CommandEntry(
                "calendar:DefineCalendarOptions:define",
                "Define a calendar: public holidays of a country, an iCalendar file, or dates.",
            ),
            "renew": CommandEntry(
                "calendar:RenewCalendarOptions:renew",
                "Work a calendar out again, and arm the tasks that use it by what it says now.",
            ),
            "list": CommandEntry("calendar:GraphOptions:list_calendars", "List the calendars."),
            "show": CommandEntry("calendar:OneCalendarOptions:show_calendar", "Show a calendar with its dates."),
            "remove": CommandEntry("calendar:OneCalendarOptions:remove", "Remove a calendar that no open task uses."),
        },
    ),
    "dead-letter": CommandGroup(
        "List, run again and clear failures that no attempt follows.",
        {
            "list": CommandEntry(
                "dead_letter:ListDeadLettersOptions:list_dead_letters",
                "List the failures that no attempt follows: one for each task and fault, with their number.",
            ),
            "run": CommandEntry(
                "dead_letter:RunDeadLetterOptions:run",
                "Run the task of a dead letter again, as it was or with other input. Exit code 1: it did not complete.",
            ),
            "clear": CommandEntry(
                "dead_letter:ClearDeadLetterOptions:clear",
                "Clear a dead letter, with a reason; its executions stay."
                " Exit code 1: it is gone, or has failed again meanwhile.",
            ),
        },
    ),
    "lineage": CommandGroup(
        "Show and stop the trees of tasks that thoughts started.",
        {
            "list": CommandEntry(
                "lineage:ListLineagesOptions:list_lineages",
                "List lineages with open tasks: those that have a budget, or have grown; the largest first.",
            ),
            "show": CommandEntry(
                "lineage:ShowLineageOptions:show_lineage",
                "Show a lineage: the tree of tasks that a thought started, and its budget.",
            ),
            "stop": CommandEntry(
                "lineage:StopLineageOptions:stop",
                "Cancel all open tasks of a lineage; of a task, it and all that came of it. "
                "Exit code 1: one could not be.",
            ),
        },
    ),
    "budget": CommandGroup(
        "Set the budgets of lineages.",
        {
            "set": CommandEntry(
                "budget:SetBudgetOptions:set_budget",
                "Give a lineage other bounds: those that are named. `none` takes one away.",
            ),
        },
    ),
    "token": CommandGroup(
        "Manage the tokens of the API.",
        {
            "create": CommandEntry(
                "token:CreateTokenOptions:create",
                "Make a token for the API, and show it this once: the graph keeps only its digest.",
            ),
            "list": CommandEntry("token:GraphOptions:list_tokens", "List the tokens of the API, revoked ones too."),
            "revoke": CommandEntry(
                "token:RevokeTokenOptions:revoke",
                "Revoke a token, from the next request on. Exit code 1: no active token has this name.",
            ),
        },
    ),
}
"""All commands, in the order of the help; a new one is added here and nowhere else."""
"""All commands, in the order of the help; a new one is added here and nowhere else."""


class _AllCommands(LazyGroup):
    """The commands of the table."""

    entries = COMMANDS


app: Final = typer.Typer(
    name="remembrancer",
    cls=_AllCommands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
