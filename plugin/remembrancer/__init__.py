"""Remembrancer: a task scheduler for AI agents, kept in the agent's memory graph.

Public are the names of this package, of its modules `errors`, `testing`, `fastapi`, `mcp`, `opentelemetry`,
`prometheus`, `tools` and `wake`, and those of `remembrancer_schema`. Everything else may change from one version to the
next.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Final, get_type_hints

if TYPE_CHECKING:  # for type checkers, which read no table; a test compares the two
    from remembrancer.bootstrap import TaskSchedulerService as TaskSchedulerService
    from remembrancer.bootstrap.backups import (
        BackupResult as BackupResult,
        backup_graph as backup_graph,
        restore_graph as restore_graph,
    )
    from remembrancer.bootstrap.checks import check_graph as check_graph, repair_graph as repair_graph
    from remembrancer.bootstrap.copies import copy_graph as copy_graph
    from remembrancer.engine.commands.command_handler import CommandHandler as CommandHandler
    from remembrancer.errors import (
        CopyIncomplete as CopyIncomplete,
        CopyMismatch as CopyMismatch,
        CopyTargetNotEmpty as CopyTargetNotEmpty,
        DeferralsExhausted as DeferralsExhausted,
        DiskFull as DiskFull,
        DriverNotInstalled as DriverNotInstalled,
        DuplicateTask as DuplicateTask,
        ExecutionNotFound as ExecutionNotFound,
        ExecutionUnreadable as ExecutionUnreadable,
        ForeignConstraint as ForeignConstraint,
        GraphAccessDenied as GraphAccessDenied,
        GraphBusy as GraphBusy,
        GraphDamaged as GraphDamaged,
        GraphLocked as GraphLocked,
        GraphNotFound as GraphNotFound,
        GraphReadOnly as GraphReadOnly,
        GraphReplaced as GraphReplaced,
        GraphTooNew as GraphTooNew,
        GraphTooOld as GraphTooOld,
        GraphUnavailable as GraphUnavailable,
        GraphUnreachable as GraphUnreachable,
        IdempotencyKeyReused as IdempotencyKeyReused,
        InvalidInput as InvalidInput,
        LimitReached as LimitReached,
        LineageLimitReached as LineageLimitReached,
        NotAGraph as NotAGraph,
        NotRunning as NotRunning,
        OutcomeUnknown as OutcomeUnknown,
        QueryFailed as QueryFailed,
        QuotaReached as QuotaReached,
        RemembrancerError as RemembrancerError,
        SchedulerBusy as SchedulerBusy,
        SchedulerHalted as SchedulerHalted,
        ServerTooOld as ServerTooOld,
        TaskChanged as TaskChanged,
        TaskContended as TaskContended,
        TaskEnded as TaskEnded,
        TaskNotFound as TaskNotFound,
        TaskUnreadable as TaskUnreadable,
        TimerRefused as TimerRefused,
        WorkNotHeld as WorkNotHeld,
        WrongThread as WrongThread,
    )
    from remembrancer.model.addition import Cause as Cause
    from remembrancer.model.audit import AuditEntry as AuditEntry
    from remembrancer.model.blocked import (
        BlockedTask as BlockedTask,
        BlockStep as BlockStep,
        RelatedTask as RelatedTask,
        TaskDependencies as TaskDependencies,
    )
    from remembrancer.model.bulk_edit import (
        BulkOutcome as BulkOutcome,
        BulkResult as BulkResult,
        BulkTask as BulkTask,
        TaskSelection as TaskSelection,
    )
    from remembrancer.model.calendar import (
        CalendarRenewal as CalendarRenewal,
        CalendarSource as CalendarSource,
        MovedFires as MovedFires,
        NamedCalendar as NamedCalendar,
    )
    from remembrancer.model.cancellation import Cancellation as Cancellation
    from remembrancer.model.chains import chain as chain
    from remembrancer.model.circuit import Circuit as Circuit
    from remembrancer.model.dead_letter import DeadLetter as DeadLetter
    from remembrancer.model.deferral import Deferral as Deferral
    from remembrancer.model.dependency import (
        Dependency as Dependency,
        DependencyOutcome as DependencyOutcome,
        OnFailure as OnFailure,
        TriggerRule as TriggerRule,
    )
    from remembrancer.model.event import Event as Event, EventKind as EventKind, EventPage as EventPage
    from remembrancer.model.execution import (
        Execution as Execution,
        ExecutionStatus as ExecutionStatus,
        ExecutionType as ExecutionType,
        Reason as Reason,
    )
    from remembrancer.model.halt import HaltState as HaltState
    from remembrancer.model.handler_result import (
        Ask as Ask,
        Defer as Defer,
        Done as Done,
        Failed as Failed,
        Retry as Retry,
        Thought as Thought,
        Usage as Usage,
    )
    from remembrancer.model.limit import ConcurrencyLimit as ConcurrencyLimit, SlotHolder as SlotHolder
    from remembrancer.model.lineage import (
        Lineage as Lineage,
        LineageTask as LineageTask,
        OpenLineage as OpenLineage,
    )
    from remembrancer.model.named_query import NamedQuery as NamedQuery
    from remembrancer.model.plain_schedules import (
        Calendar as Calendar,
        Cron as Cron,
        Dates as Dates,
        Every as Every,
        Once as Once,
        RRule as RRule,
        Weekly as Weekly,
        Workdays as Workdays,
    )
    from remembrancer.model.policy import (
        DedupReuse as DedupReuse,
        Fold as Fold,
        Gap as Gap,
        Misfire as Misfire,
        OnExhausted as OnExhausted,
        OnLost as OnLost,
        Overlap as Overlap,
        SecondsField as SecondsField,
        Session as Session,
    )
    from remembrancer.model.prune_result import PruneResult as PruneResult
    from remembrancer.model.question import Answer as Answer, OnNoAnswer as OnNoAnswer, Question as Question
    from remembrancer.model.reacting_schedules import After as After, Cue as Cue, Paced as Paced
    from remembrancer.model.recheck import (
        MovedFire as MovedFire,
        RecheckResult as RecheckResult,
        ZoneDifference as ZoneDifference,
    )
    from remembrancer.model.replica import Replica as Replica
    from remembrancer.model.reports import (
        AnalyticsReport as AnalyticsReport,
        CronAnalytics as CronAnalytics,
        CronReport as CronReport,
        PerformanceMetrics as PerformanceMetrics,
        Period as Period,
        StatusReport as StatusReport,
        TasksReport as TasksReport,
        TaskStatistics as TaskStatistics,
    )
    from remembrancer.model.request import (
        NewTaskFields as NewTaskFields,
        ScheduleRequest as ScheduleRequest,
        TaskChanges as TaskChanges,
        TaskFields as TaskFields,
    )
    from remembrancer.model.retry_policy import Backoff as Backoff, Jitter as Jitter, RetryPolicy as RetryPolicy
    from remembrancer.model.schedule import (
        AllOf as AllOf,
        AnyOf as AnyOf,
        Bounded as Bounded,
        Except as Except,
        Offset as Offset,
        TaskTimes as TaskTimes,
    )
    from remembrancer.model.service_status import (
        PerformanceReport as PerformanceReport,
        ReplicationReport as ReplicationReport,
        ServiceCapabilities as ServiceCapabilities,
        ServiceStatus as ServiceStatus,
        ServiceType as ServiceType,
        TaskExecutionReport as TaskExecutionReport,
        WaitingReport as WaitingReport,
    )
    from remembrancer.model.summary import ExecutionSummary as ExecutionSummary
    from remembrancer.model.task import (
        Backfill as Backfill,
        BackfillOccurrence as BackfillOccurrence,
        Disposition as Disposition,
        FieldChange as FieldChange,
        FireChange as FireChange,
        ResumeResult as ResumeResult,
        ScheduledTask as ScheduledTask,
        ScheduledTaskInfo as ScheduledTaskInfo,
        ScheduleResult as ScheduleResult,
        TaskUpdate as TaskUpdate,
    )
    from remembrancer.model.task_set import (
        AppliedSet as AppliedSet,
        DeclaredTask as DeclaredTask,
        SetAction as SetAction,
    )
    from remembrancer.model.task_status import TaskStatus as TaskStatus, TaskType as TaskType
    from remembrancer.model.task_template import (
        ParameterType as ParameterType,
        TaskTemplate as TaskTemplate,
        TemplateParameter as TemplateParameter,
    )
    from remembrancer.model.timer import TimerAction as TimerAction, TimerRequest as TimerRequest
    from remembrancer.model.token import AccessToken as AccessToken, NewToken as NewToken, Scope as Scope
    from remembrancer.model.worker_calls import (
        WaitingWork as WaitingWork,
        WorkItem as WorkItem,
        WorkReceipt as WorkReceipt,
    )
    from remembrancer.operations.ahead.agenda import Agenda as Agenda, AgendaEntry as AgendaEntry
    from remembrancer.operations.ahead.preview import PreviewedFire as PreviewedFire, SchedulePreview as SchedulePreview
    from remembrancer.operations.diagnostics.checks import CheckResult as CheckResult, Severity as Severity
    from remembrancer.operations.graph_copy import (
        CopiedPart as CopiedPart,
        CopyResult as CopyResult,
        CopyStep as CopyStep,
    )
    from remembrancer.operations.statistics import TaskPage as TaskPage
    from remembrancer.ports.graph_check import (
        CheckReport as CheckReport,
        CheckStep as CheckStep,
        Finding as Finding,
        RepairReport as RepairReport,
    )
    from remembrancer.ports.handler import (
        Firing as Firing,
        Handler as Handler,
        HandlerReturn as HandlerReturn,
        Progress as Progress,
        StopSignal as StopSignal,
    )
    from remembrancer.ports.sync_calls import SyncCalls as SyncCalls
    from remembrancer.service.lookup import get_service as get_service
    from remembrancer.service.service import SchedulerService as SchedulerService
    from remembrancer.service.telemetry.reports import Telemetry as Telemetry
    from remembrancer.settings import SchedulerOptions as SchedulerOptions

__version__ = "0.1.0"

_API: Final = {
    "bootstrap": ("TaskSchedulerService",),
    "bootstrap.backups": ("BackupResult", "backup_graph", "restore_graph"),
    "bootstrap.checks": ("check_graph", "repair_graph"),
    "bootstrap.copies": ("copy_graph",),
    "engine.commands.command_handler": ("CommandHandler",),
    "errors": (
        "CopyIncomplete",
        "CopyMismatch",
        "CopyTargetNotEmpty",
        "DeferralsExhausted",
        "DiskFull",
        "DriverNotInstalled",
        "DuplicateTask",
        "ExecutionNotFound",
        "ExecutionUnreadable",
        "ForeignConstraint",
        "GraphAccessDenied",
        "GraphBusy",
        "GraphDamaged",
        "GraphLocked",
        "GraphNotFound",
        "GraphReadOnly",
        "GraphReplaced",
        "GraphTooNew",
        "GraphTooOld",
        "GraphUnavailable",
        "GraphUnreachable",
        "IdempotencyKeyReused",
        "InvalidInput",
        "LineageLimitReached",
        "QuotaReached",
        "NotAGraph",
        "NotRunning",
        "OutcomeUnknown",
        "QueryFailed",
        "RemembrancerError",
        "LimitReached",
        "SchedulerBusy",
        "SchedulerHalted",
        "ServerTooOld",
        "TaskChanged",
        "TaskContended",
        "TaskEnded",
        "TaskNotFound",
        "TaskUnreadable",
        "TimerRefused",
        "WorkNotHeld",
        "WrongThread",
    ),
    "model.addition": ("Cause",),
    "model.audit": ("AuditEntry",),
    "model.calendar": ("CalendarRenewal", "CalendarSource", "MovedFires", "NamedCalendar"),
    "model.bulk_edit": ("BulkOutcome", "BulkResult", "BulkTask", "TaskSelection"),
    "model.blocked": ("BlockStep", "BlockedTask", "RelatedTask", "TaskDependencies"),
    "model.cancellation": ("Cancellation",),
    "model.dead_letter": ("DeadLetter",),
    "model.chains": ("chain",),
    "model.dependency": ("Dependency", "DependencyOutcome", "OnFailure", "TriggerRule"),
    "model.deferral": ("Deferral",),
    "model.event": ("Event", "EventKind", "EventPage"),
    "model.execution": ("Execution", "ExecutionStatus", "ExecutionType", "Reason"),
    "model.handler_result": ("Ask", "Defer", "Done", "Failed", "Retry", "Thought", "Usage"),
    "model.lineage": ("Lineage", "LineageTask", "OpenLineage"),
    "model.question": ("Answer", "OnNoAnswer", "Question"),
    "model.named_query": ("NamedQuery",),
    "model.plain_schedules": ("Calendar", "Cron", "Dates", "Every", "Once", "RRule", "Weekly", "Workdays"),
    "model.policy": (
        "DedupReuse",
        "Fold",
        "Gap",
        "Misfire",
        "OnExhausted",
        "OnLost",
        "Overlap",
        "SecondsField",
        "Session",
    ),
    "model.halt": ("HaltState",),
    "model.circuit": ("Circuit",),
    "model.timer": ("TimerAction", "TimerRequest"),
    "model.limit": ("ConcurrencyLimit", "SlotHolder"),
    "model.prune_result": ("PruneResult",),
    "model.recheck": ("MovedFire", "RecheckResult", "ZoneDifference"),
    "model.replica": ("Replica",),
    "model.reports": (
        "AnalyticsReport",
        "CronAnalytics",
        "CronReport",
        "PerformanceMetrics",
        "Period",
        "StatusReport",
        "TasksReport",
        "TaskStatistics",
    ),
    "model.request": ("NewTaskFields", "ScheduleRequest", "TaskChanges", "TaskFields"),
    "model.reacting_schedules": ("After", "Cue", "Paced"),
    "model.retry_policy": ("Backoff", "Jitter", "RetryPolicy"),
    "model.schedule": ("AllOf", "AnyOf", "Bounded", "Except", "Offset", "TaskTimes"),
    "model.service_status": (
        "PerformanceReport",
        "ReplicationReport",
        "ServiceCapabilities",
        "ServiceStatus",
        "ServiceType",
        "TaskExecutionReport",
        "WaitingReport",
    ),
    "model.summary": ("ExecutionSummary",),
    "model.task": (
        *("Disposition", "FieldChange", "ResumeResult", "ScheduleResult", "ScheduledTask", "ScheduledTaskInfo"),
        *("Backfill", "BackfillOccurrence", "FireChange", "TaskUpdate"),
    ),
    "model.task_set": ("AppliedSet", "DeclaredTask", "SetAction"),
    "model.task_status": ("TaskStatus", "TaskType"),
    "model.task_template": ("ParameterType", "TaskTemplate", "TemplateParameter"),
    "model.worker_calls": ("WaitingWork", "WorkItem", "WorkReceipt"),
    "model.token": ("AccessToken", "NewToken", "Scope"),
    "operations.ahead.agenda": ("Agenda", "AgendaEntry"),
    "operations.diagnostics.checks": ("CheckResult", "Severity"),
    "operations.graph_copy": ("CopiedPart", "CopyResult", "CopyStep"),
    "operations.ahead.preview": ("PreviewedFire", "SchedulePreview"),
    "operations.statistics": ("TaskPage",),
    "ports.graph_check": ("CheckReport", "CheckStep", "Finding", "RepairReport"),
    "ports.handler": ("Firing", "Handler", "HandlerReturn", "Progress", "StopSignal"),
    "ports.sync_calls": ("SyncCalls",),
    "service.lookup": ("get_service",),
    "service.service": ("SchedulerService",),
    "service.telemetry.reports": ("Telemetry",),
    "settings": ("SchedulerOptions",),
}
"""The public names by the module that defines them."""

_HOME_OF: Final = {name: f"{__name__}.{home}" for home, names in _API.items() for name in names}
__all__ = sorted(_HOME_OF)  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll] (type checkers read the imports above)


def __getattr__(name: str) -> object:
    """Load a public name at its first use, so that importing the package is quick."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    found: object = getattr(import_module(_HOME_OF[name]), name)
    for each, home in _HOME_OF.items():
        if home in sys.modules:
            _adopt(getattr(sys.modules[home], each, None), home)
    return found


def __dir__() -> list[str]:
    """List the public names, those not loaded yet too."""
    return sorted({*globals(), *__all__})


def _adopt(found: object, home: str) -> None:
    """Let a public class or function of the module *home* show itself as one of this package.

    Its annotations are texts, which readers look up in the module that it names: they become types first.
    """
    if not isinstance(found, type | FunctionType) or found.__module__ != home:
        return
    hints = get_type_hints(found, include_extras=True)
    found.__annotations__.update({each: hints[each] for each in found.__annotations__})
    for name, field in getattr(found, "__dataclass_fields__", {}).items():
        field.type = hints[name]
    found.__module__ = __name__
