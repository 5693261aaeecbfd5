"""The table of operations: each entry once, from which every surface is made."""

from __future__ import annotations

from typing import Final

from remembrancer.model import reports
from remembrancer.model.audit import AuditEntry
from remembrancer.model.cancellation import Cancellation
from remembrancer.model.event import EventPage
from remembrancer.model.execution import Execution
from remembrancer.model.named_query import NamedQuery
from remembrancer.model.service_status import ServiceCapabilities, ServiceStatus
from remembrancer.model.summary import ExecutionSummary
from remembrancer.model.task import ScheduledTask, ScheduledTaskInfo, ScheduleResult
from remembrancer.model.token import Scope
from remembrancer.operations import parameters, service_calls
from remembrancer.operations.administration import ADMINISTRATION
from remembrancer.operations.ahead.operations import AHEAD
from remembrancer.operations.ahead.preview import PreviewedFire
from remembrancer.operations.calendars.calendar_operations import CALENDARS
from remembrancer.operations.dependencies.blocked_tasks import BLOCKED
from remembrancer.operations.diagnostics.checks import CheckResult
from remembrancer.operations.diagnostics.recheck_operations import RECHECKS
from remembrancer.operations.edits.bulk_operations import BULK_EDITS
from remembrancer.operations.edits.edit_operations import EDITS, TASK
from remembrancer.operations.edits.occurrence_operations import OCCURRENCES
from remembrancer.operations.exports.export_operations import EXPORTS
from remembrancer.operations.halts.halt_operations import HALTS
from remembrancer.operations.incidents.dead_letter_operations import DEAD_LETTERS
from remembrancer.operations.limits.limit_operations import LIMITS, RunNow
from remembrancer.operations.lineages.lineage_operations import LINEAGES
from remembrancer.operations.operation import AnyOperation, Effect, Http, Operation, Page, Params
from remembrancer.operations.questions.question_operations import QUESTIONS
from remembrancer.operations.sets.set_operations import SETS
from remembrancer.operations.statistics import TaskPage
from remembrancer.operations.templates.template_operations import TEMPLATES
from remembrancer.operations.work.work_operations import WORK

_EXECUTIONS: Final = Page("executions", Execution, key="execution_id")
_ENTRIES: Final = Page("changes", AuditEntry, key="change_id")


def _report(
    name: str, summary: str, result: type[reports.Shape], params: type[Params] = parameters.NoParams
) -> Operation[Params, reports.Shape]:
    path = f"/telemetry/task-scheduler/{name.replace('_', '-')}"
    names = {"task_type": "type"} if name == "tasks" else {}
    return Operation(
        name=f"telemetry.{name}",
        summary=summary,
        params=params,
        result=result,
        http=(Http(verb="GET", path=path, names=names),),
    )


GET_STATUS: Final = Operation(
    name="get_status",
    summary="Return the status of the scheduler, with its metrics.",
    params=parameters.NoParams,
    result=ServiceStatus,
    http=(Http(verb="GET", path="/scheduler/status"),),
    call=service_calls.get_status,
)

OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        name="schedule_task",
        summary="Schedule one task: at `defer_until`, by `schedule_cron`, or by the cron held back until that time.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=parameters.ScheduleTask,
        result=ScheduleResult,
        http=(Http(verb="POST", path="/scheduler/tasks", body="request", creates=True),),
        call=service_calls.schedule_task,
    ),
    Operation(
        name="schedule_tasks",
        summary="Schedule many tasks in one commit: all of them, or none if one is refused.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=parameters.ScheduleTasks,
        result=list[ScheduleResult],
        http=(Http(verb="POST", path="/scheduler/tasks/batch", creates=True),),
    ),
    Operation(
        name="schedule_deferred_task",
        summary="Bring a task back at `defer_until`: defer a scheduled one, or schedule its return.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=parameters.ScheduleDeferredTask,
        result=ScheduleResult,
        http=(Http(verb="POST", path="/scheduler/tasks/deferred", creates=True),),
    ),
    Operation(
        name="cancel_task",
        method="cancel",
        summary="Cancel a task and ask its running executions to stop; its record is kept.",
        scope=Scope.WRITE,
        effect=Effect.DESTROYS,
        params=parameters.CancelTask,
        result=Cancellation,
        http=(Http(verb="POST", path=f"{TASK}/cancel"),),
    ),
    Operation(
        name="defer_task",
        summary="Defer a task's next run.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=parameters.DeferTask,
        result=ScheduleResult,
        http=(Http(verb="POST", path=f"{TASK}/defer"),),
    ),
    *EDITS,
    *CALENDARS,
    *OCCURRENCES,
    *BULK_EDITS,
    *RECHECKS,
    *SETS,
    *TEMPLATES,
    *HALTS,
    *LIMITS,
    *QUESTIONS,
    *WORK,
    *LINEAGES,
    *DEAD_LETTERS,
    Operation(
        name="run_now",
        summary="Start one execution outside the schedule; its id leads to its outcome.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=RunNow,
        result=Execution,
        http=(Http(verb="POST", path=f"{TASK}/run"),),
    ),
    Operation(
        name="get_task",
        summary="Return one task with its deferral history; its ETag goes into `If-Match`.",
        params=parameters.OneTask,
        result=ScheduledTask,
        http=(Http(verb="GET", path=TASK),),
    ),
    *BLOCKED,
    Operation(
        name="find_tasks",
        summary="Return tasks, the next to run first.",
        params=parameters.FindTasks,
        result=list[ScheduledTask],
    ),
    Operation(
        name="get_scheduled_tasks",
        summary="Return the tasks that are PENDING or ACTIVE, the next to run first.",
        params=parameters.NoParams,
        result=list[ScheduledTaskInfo],
    ),
    Operation(
        name="page_of_tasks",
        summary="List tasks by status, the newest of each first; `next_cursor` leads on, also from a short page.",
        params=parameters.PageOfTasks,
        result=TaskPage,
        http=(
            Http(
                verb="GET",
                path="/scheduler/tasks",
                names={"statuses": "status", "task_type": "type", "tags": "tag", "cursor": "cursor"},
                page=Page("tasks", ScheduledTask),
            ),
        ),
        call=service_calls.page_of_tasks,
    ),
    Operation(
        name="history",
        summary="Return the executions of a task, or of all, newest first.",
        params=parameters.History,
        result=list[Execution],
        http=tuple(
            Http(verb="GET", path=path, names={"before": "cursor"}, page=_EXECUTIONS)
            for path in (f"{TASK}/executions", "/scheduler/executions")
        ),
    ),
    Operation(
        name="get_execution",
        summary="Return one execution: under way, or with its outcome.",
        params=parameters.OneExecution,
        result=Execution,
        http=(Http(verb="GET", path="/scheduler/executions/{execution_id}"),),
    ),
    Operation(
        name="running_executions",
        summary="Return the executions under way, on all replicas, with the progress that was reported.",
        params=parameters.RunningExecutions,
        result=list[Execution],
    ),
    Operation(
        name="summaries",
        summary="Return the summaries of pruned executions, of a task or of all, the latest day first.",
        params=parameters.Summaries,
        result=list[ExecutionSummary],
        http=tuple(Http(verb="GET", path=path) for path in (f"{TASK}/summaries", "/scheduler/summaries")),
    ),
    Operation(
        name="audit_entries",
        summary="Return the changes of a task, or of all, with their actors, oldest first.",
        params=parameters.AuditEntries,
        result=list[AuditEntry],
        http=tuple(
            Http(verb="GET", path=path, names={"after": "cursor"}, page=_ENTRIES)
            for path in (f"{TASK}/audit", "/scheduler/audit")
        ),
    ),
    Operation(
        name="timeline",
        summary="Return the executions and the changes of a task in one list, newest first.",
        params=parameters.Timeline,
        result=list[Execution | AuditEntry],
        http=(Http(verb="GET", path=f"{TASK}/timeline"),),
    ),
    Operation(
        name="read_events",
        summary="Return events after a cursor, waiting for one up to 30 s, and the cursor to go on from.",
        params=parameters.ReadEvents,
        result=EventPage,
    ),
    Operation(
        name="list_queries",
        summary="Return the named queries: questions about the graph that come with the package.",
        params=parameters.NoParams,
        result=list[NamedQuery],
        http=(Http(verb="GET", path="/scheduler/queries"),),
    ),
    Operation(
        name="run_query",
        summary="Answer a named query, with at most `limit` rows where it takes a limit.",
        params=parameters.RunQuery,
        result=list[dict[str, object]],
        http=(Http(verb="GET", path="/scheduler/queries/{name}", is_bounded=False),),
    ),
    Operation(
        name="preview",
        summary="Show the next fires of a cron expression, and the effect of clock changes on them.",
        params=parameters.Preview,
        result=list[PreviewedFire],
        http=(Http(verb="GET", path="/scheduler/preview"),),
    ),
    *AHEAD,
    *EXPORTS,
    GET_STATUS,
    Operation(
        name="get_capabilities",
        summary="Return what the scheduler can do.",
        params=parameters.NoParams,
        result=ServiceCapabilities,
        http=(Http(verb="GET", path="/scheduler/capabilities"),),
    ),
    Operation(
        name="is_healthy",
        summary="Say whether the scheduler is healthy; this alone needs no token. 503: it is not.",
        params=parameters.NoParams,
        result=bool,
        http=(Http(verb="GET", path="/scheduler/health", is_public=True),),
    ),
    Operation(
        name="examine",
        summary="Check ten things that go wrong with schedulers: the observation, its impact, the remedy.",
        params=parameters.NoParams,
        result=list[CheckResult],
        http=(Http(verb="GET", path="/scheduler/doctor"),),
    ),
    *ADMINISTRATION,
    _report("status", "Return the status of the service.", reports.StatusReport),
    _report(
        "tasks", "Return the open tasks, or those of one status or type.", reports.TasksReport, parameters.ReportedTasks
    ),
    _report("analytics", "Return the activity of a period.", reports.AnalyticsReport, parameters.ReportedPeriod),
    _report("cron", "Return the cron expressions in use.", reports.CronReport),
    _report("performance", "Return the timing, the load and the errors of the scheduler.", reports.PerformanceMetrics),
    _report("task_statistics", "Return the statistics of executions since the graph began.", reports.TaskStatistics),
    _report("cron_analytics", "Return the statistics of cron schedules.", reports.CronAnalytics),
)
"""Every operation. A surface reads the table when it is made; the order is that of its documents."""
