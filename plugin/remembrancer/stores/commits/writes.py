"""The registry of writes: one spec for each query of the catalogue that writes rows.

To add a write, add its query to the catalogue and its spec here. `row_types` has the types of rows, `row_counts` the
functions that count them, `row_events` those that make events of them. A write without events says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from remembrancer.stores.commits import row_counts, row_events
from remembrancer.stores.commits.lanes import ACT, CLAIM, IDLE, SETTLE, UPKEEP
from remembrancer.stores.commits.row_types import circuits, executions, lineages, tasks, upkeep
from remembrancer_schema.catalog import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from remembrancer.stores.commits.hourly_delta import StatisticsDelta
    from remembrancer.stores.commits.lanes import Kind
    from remembrancer.stores.commits.statement import Row, Statement

    Count = Callable[[StatisticsDelta, Sequence[Row]], None]
    Events = Callable[[Sequence[Row]], Row]


@dataclass(frozen=True, slots=True)
class WriteSpec:
    """The declaration of one writing query.

    Args:
        row: The type of its rows.
        identity: The property of a row that two writes of one group must not share: the query would meet its own
            change. None: two writes that use the query never go together.
        count: Adds the rows that were written to the statistics; None for a write that is not counted.
        events: Returns their events, by columns; None for a write without events.
        silent: The reason why it has no events.
        kind: The writes that it commits with on a server; None for a part of several kinds.
        urgent: Whether it is sent at once, apart from all others: nothing counts it, no caller reads its answer, and
            doing it twice does no harm.
        recurrent: Whether a replica writes it again and again, so that its plan is worth preparing.
    """

    row: type
    identity: str | None = None
    count: Count | None = None
    events: Events | None = None
    silent: str | None = None
    kind: Kind | None = ACT
    urgent: bool = False
    recurrent: bool = False


_PART: Final = "a part of a write that has an event"
_LEASE: Final = "a lease is no change of a task; the execution under it has events"
_ATTEMPTS: Final = "the attempt before has its event, and no other attempt began"
_LINKS: Final = "an edge for readers of the graph; it follows the run that moved"
_MEMBERS: Final = "cluster membership is no change of a task"
_COUNTERS: Final = "statistics are no change of a task"
_COPY: Final = "the event log of a graph holds the events of that graph, not of the graph that was copied"
_REPAIR: Final = "a repair reports its steps; no replica works on the graph at that time"
_AUDIT: Final = "the audit log has it"
_STOP: Final = "the execution has events when it ends"
_SLOT: Final = "the execution in the slot has events"
_WAITS: Final = "the occurrence that waits has events when it runs, or gets another outcome"
_ORDER: Final = "the order in which tasks are served is no change of a task"
_ZONES: Final = "the rules of a time zone are no change of a task"

_EXECUTIONS: Final = {
    "claim_executions": WriteSpec(
        executions.ClaimRow,
        "task_id",
        count=row_counts.started,
        events=row_events.started,
        kind=CLAIM,
        recurrent=True,
    ),
    "take_slots": WriteSpec(executions.TakenSlotsRow, "limit_key", silent=_SLOT, kind=None, recurrent=True),
    "pass_circuits": WriteSpec(circuits.CircuitPassRow, "limit_key", silent=_SLOT, kind=None, recurrent=True),
    "count_circuits": WriteSpec(
        circuits.CircuitCountRow, "execution_id", events=row_events.circuits, kind=None, recurrent=True
    ),
    "claim_limited": WriteSpec(
        executions.LimitedClaimRow,
        "task_id",
        count=row_counts.started,
        events=row_events.started,
        kind=CLAIM,
        recurrent=True,
    ),
    "return_slots": WriteSpec(executions.TakenSlotsRow, "limit_key", silent=_SLOT, kind=None, recurrent=True),
    "release_slots": WriteSpec(executions.ReleasedSlotsRow, "limit_key", silent=_SLOT, kind=None, recurrent=True),
    "take_slots_back": WriteSpec(executions.SlotReturnRow, "limit_key", silent=_SLOT, kind=None, recurrent=True),
    "settle_wanted": WriteSpec(executions.LimitKeyRow, "limit_key", silent=_SLOT, kind=CLAIM),
    "ask_to_stop": WriteSpec(executions.StopRow, "execution_id", silent=_STOP),
    "record_outcomes": WriteSpec(
        executions.OutcomeRow, "task_id", count=row_counts.dropped, events=row_events.dropped, kind=None
    ),
    "advance_past_existing": WriteSpec(
        executions.ClaimRow, "task_id", silent="its occurrence has events already", kind=CLAIM
    ),
    "end_deferrals": WriteSpec(executions.ExecutionKey, "execution_id", silent=_PART, kind=None),
    "record_causes": WriteSpec(executions.CauseRow, "execution_id", silent=_PART, kind=None),
    "start_executions": WriteSpec(
        executions.ManualRunRow, "task_id", count=row_counts.started, events=row_events.started
    ),
    "settle_executions": WriteSpec(
        executions.SettleRow,
        "execution_id",
        count=row_counts.settled,
        events=row_events.settled,
        kind=SETTLE,
        recurrent=True,
    ),
    "arm_next_checks": WriteSpec(executions.NextCheckRow, "of_task", silent=_PART, kind=None),
    "report_progress": WriteSpec(executions.ProgressRow, "execution_id", events=row_events.progressed, kind=UPKEEP),
    "link_created_thoughts": WriteSpec(executions.ThoughtRow, "execution_id", silent=_PART, kind=SETTLE),
    "fail_lost_executions": WriteSpec(
        executions.SettleRow, "execution_id", count=row_counts.settled, events=row_events.settled, kind=CLAIM
    ),
    "retry_executions": WriteSpec(
        executions.RetryRow, "task_id", count=row_counts.retried, events=row_events.started, kind=CLAIM
    ),
    "start_retries": WriteSpec(
        executions.WaitedRetryRow, "task_id", count=row_counts.retried, events=row_events.started, kind=CLAIM
    ),
    "hold_retries": WriteSpec(executions.HeldRetryRow, "execution_id", silent=_ATTEMPTS, kind=CLAIM),
    "drop_retries": WriteSpec(executions.DroppedRetryRow, "execution_id", silent=_ATTEMPTS, kind=CLAIM),
    "give_up_retries": WriteSpec(executions.GivenUpRetryRow, "execution_id", silent=_ATTEMPTS, kind=CLAIM),
    "recall_retries": WriteSpec(executions.ReleasedRetriesRow, "task_id", silent=_PART, kind=None),
    "release_retries": WriteSpec(executions.ReleasedRetriesRow, "task_id", silent=_PART, kind=None),
    "end_retries": WriteSpec(executions.EndedRetriesRow, "task_id", silent=_PART, kind=None),
    "record_dead_letters": WriteSpec(
        executions.DeadLetterRow,
        "task_id",
        count=row_counts.dead_lettered,
        events=row_events.dead_lettered,
        kind=None,
    ),
    "count_failures": WriteSpec(executions.CountedRow, "execution_id", events=row_events.paused, kind=None),
    "clear_dead_letters": WriteSpec(tasks.ClearedLetterRow, "dead_letter_id", silent=_AUDIT),
    "link_reruns": WriteSpec(executions.RerunLinkRow, silent=_PART, kind=None),
    "acquire_leases": WriteSpec(executions.LeaseRow, "lease_id", silent=_LEASE, kind=None, recurrent=True),
    "renew_leases": WriteSpec(executions.RenewalRow, "lease_id", silent=_LEASE, urgent=True),
    "release_leases": WriteSpec(executions.LeaseKey, "lease_id", silent=_LEASE, kind=None, recurrent=True),
}
_TASKS: Final = {
    "create_tasks": WriteSpec(
        tasks.TaskRow, "task_id", count=row_counts.created, events=row_events.created, recurrent=True
    ),
    "return_dedup_keys": WriteSpec(tasks.KeyReturnRow, "task_id", silent=_AUDIT),
    "retire_tasks": WriteSpec(
        tasks.RetireRow, "execution_id", count=row_counts.retired, events=row_events.retired, recurrent=True
    ),
    "cancel_tasks": WriteSpec(
        tasks.ChangeRow,
        "task_id",
        count=row_counts.ended_as("CANCELLED"),
        events=row_events.ended("CANCELLED", "task_cancelled"),
    ),
    "edit_tasks": WriteSpec(tasks.EditRow, "task_id", count=row_counts.edited, events=row_events.edited),
    "skip_unreadable": WriteSpec(
        executions.SkipRow, "task_id", count=row_counts.dropped, events=row_events.dropped, kind=CLAIM
    ),
    "quarantine_tasks": WriteSpec(
        tasks.QuarantineRow,
        "task_id",
        count=row_counts.ended_as("FAILED", by_scheduler=True),
        events=row_events.ended("FAILED", "task_ended"),
        kind=CLAIM,
    ),
    "disarm_unreadable": WriteSpec(
        tasks.DisarmRow, "task_id", silent="the node has nothing that an event could name", kind=CLAIM
    ),
    "unlink_times": WriteSpec(tasks.TimeLinkRow, "task_id", silent=_LINKS, kind=IDLE, recurrent=True),
    "link_times": WriteSpec(tasks.TimeLinkRow, "task_id", silent=_LINKS, kind=IDLE, recurrent=True),
    "defer_tasks": WriteSpec(tasks.DeferRow, "task_id", silent=_PART),
    "defer_settled": WriteSpec(tasks.SettledDeferralRow, "task_id", silent=_PART, kind=SETTLE),
    "record_deferrals": WriteSpec(tasks.DeferralRow, "task_id", count=row_counts.deferred, events=row_events.deferred),
    "answer_tasks": WriteSpec(tasks.AnswerRow, "task_id", events=row_events.answered),
    "record_answers": WriteSpec(tasks.AnswerRow, "task_id", silent=_PART),
    "ask_again": WriteSpec(tasks.ReminderRow, "task_id", events=row_events.asked_again, kind=CLAIM),
    "link_chains": WriteSpec(tasks.DeferralRow, "task_id", silent=_PART),
    "link_requests": WriteSpec(tasks.DeferralRow, "task_id", silent=_PART),
    "follow_tasks": WriteSpec(tasks.FollowRow, "task_id", silent=_PART),
    "follow_no_more": WriteSpec(upkeep.ChangedTask, "task_id", silent=_PART),
    "follow_another": WriteSpec(tasks.FollowChangeRow, "task_id", silent=_PART),
    "link_dependencies": WriteSpec(tasks.DependencyRow, "task_id", silent=_PART),
    "advance_dependencies": WriteSpec(tasks.EditionRow, silent=_PART),
    "refuse_former_edition": WriteSpec(tasks.EditionRow, silent=_PART),
    "unlink_dependencies": WriteSpec(upkeep.ChangedTask, "task_id", silent=_PART),
    "note_priorities": WriteSpec(tasks.NotedRow, silent=_ORDER, kind=None),
    "note_own_priorities": WriteSpec(tasks.NotedRow, silent=_ORDER, kind=None),
    "inherit_priorities": WriteSpec(tasks.NotedRow, "task_id", silent=_ORDER),
    "link_changed_dependencies": WriteSpec(tasks.DependencyChangeRow, "task_id", silent=_PART),
    "add_reactions": WriteSpec(tasks.ReactionRow, "task_id", silent="each occurrence that it adds has events"),
    "fail_checks": WriteSpec(tasks.FailedCheckRow, "task_id", events=row_events.check_failed, kind=UPKEEP),
    "end_watched_tasks": WriteSpec(
        tasks.EndRow, "task_id", count=row_counts.ended_watched, events=row_events.retired, kind=UPKEEP
    ),
    "rearm_tasks": WriteSpec(tasks.RearmRow, "task_id", count=row_counts.rearmed, silent=_AUDIT, kind=UPKEEP),
    "park_tasks": WriteSpec(tasks.ParkRow, "task_id", silent=_WAITS, kind=CLAIM, recurrent=True),
    "wake_tasks": WriteSpec(tasks.WakeRow, "task_id", silent=_WAITS, kind=CLAIM, recurrent=True),
    "shorten_missed": WriteSpec(tasks.RetractionRow, "task_id", count=row_counts.retracted, silent=_AUDIT),
    "erase_missed": WriteSpec(tasks.RetractionRow, "task_id", count=row_counts.retracted, silent=_AUDIT),
}
_UPKEEP: Final = {
    "create_zone_rules": WriteSpec(tasks.ZoneRow, silent=_ZONES),
    "write_zone_rules": WriteSpec(tasks.KeptZoneRow, silent=_ZONES, kind=UPKEEP),
    "write_readings": WriteSpec(tasks.ReadingsRow, silent=_ZONES, kind=UPKEEP),
    "begin_roll_up": WriteSpec(tasks.ChangeRow, silent=_AUDIT, kind=UPKEEP),
    "roll_up_executions": WriteSpec(
        upkeep.RollUpRow, "task_id", silent="executions had their events when they ended", kind=UPKEEP
    ),
    "delete_thoughts": WriteSpec(upkeep.ThoughtKey, silent=_PART, kind=UPKEEP),
    "prune_events": WriteSpec(
        upkeep.ForgetEventsRow,
        silent="readers learn from the range of a stream that older events are gone",
        kind=UPKEEP,
    ),
    "write_statistics": WriteSpec(upkeep.CountersRow, silent="it writes the events of its commit", recurrent=True),
    "last_commit": WriteSpec(upkeep.CounterKey, silent=_COUNTERS),
    "roll_up_hours": WriteSpec(upkeep.FoldRow, silent=_COUNTERS),
    "roll_up_counters": WriteSpec(upkeep.FoldRow, silent=_COUNTERS),
    "delete_counters": WriteSpec(upkeep.IdleCounterRow, silent=_COUNTERS),
    "write_heartbeats": WriteSpec(upkeep.HeartbeatRow, silent=_MEMBERS, urgent=True),
    "deregister_replicas": WriteSpec(upkeep.ReplicaKey, silent=_MEMBERS, urgent=True),
    "probe_write": WriteSpec(upkeep.EmptyRow, silent="it changes nothing"),
    "refuse_beyond_quotas": WriteSpec(lineages.QuotaRow, "limit_key", silent=_PART, kind=None),
    "refuse_beyond_origins": WriteSpec(lineages.QuotaRow, "limit_key", silent=_PART, kind=None),
    "prune_limits": WriteSpec(executions.LimitKey, "limit_key", silent="a claim makes it again", kind=CLAIM),
    "set_limits": WriteSpec(tasks.LimitRow, "limit_key", silent=_AUDIT),
    "set_circuits": WriteSpec(circuits.CircuitRow, "limit_key", silent=_AUDIT),
    "reset_circuits": WriteSpec(circuits.CircuitRow, "limit_key", events=row_events.reset_circuits),
    "halt_scheduler": WriteSpec(upkeep.HaltRow, events=row_events.switched("scheduler_halted")),
    "release_scheduler": WriteSpec(upkeep.HaltReleaseRow, events=row_events.switched("scheduler_released")),
    "create_tokens": WriteSpec(upkeep.NewTokenRow, silent=_AUDIT),
    "revoke_tokens": WriteSpec(upkeep.RevokedTokenRow, silent=_AUDIT),
}
_REFERENCES: Final = {
    "create_calendars": WriteSpec(upkeep.CalendarRow, silent=_AUDIT),
    "renew_calendars": WriteSpec(upkeep.CalendarRow, "name", silent=_AUDIT),
    "delete_calendars": WriteSpec(upkeep.CalendarRow, "name", silent=_AUDIT),
    "unlink_references": WriteSpec(upkeep.ChangedTask, "task_id", silent=_PART, kind=None),
    "link_calendars": WriteSpec(upkeep.CalendarLinkRow, "task_id", silent=_PART, kind=None),
    "link_changed_calendars": WriteSpec(upkeep.CalendarLinkRow, "task_id", silent=_PART, kind=None),
    "create_templates": WriteSpec(upkeep.TemplateRow, silent=_AUDIT),
    "replace_templates": WriteSpec(upkeep.TemplateRow, "name", silent=_AUDIT),
    "delete_templates": WriteSpec(upkeep.TemplateRow, "name", silent=_AUDIT),
    "link_templates": WriteSpec(upkeep.TemplateLinkRow, "task_id", silent=_PART, kind=None),
    "link_followed": WriteSpec(upkeep.FollowedRow, "task_id", silent=_PART, kind=None),
    "link_changed_followed": WriteSpec(upkeep.FollowedRow, "task_id", silent=_PART, kind=None),
}
_LINEAGES: Final = {
    "admit_tasks": WriteSpec(lineages.AdmissionRow, "lineage_id", silent=_PART),
    "spawn_tasks": WriteSpec(lineages.SpawnedRow, "task_id", count=row_counts.created, events=row_events.created),
    "link_spawned": WriteSpec(lineages.SpawnLinkRow, "task_id", silent=_PART),
    "draw_on_budgets": WriteSpec(lineages.LineageKey, "lineage_id", silent=_AUDIT),
    "draw_as_roots": WriteSpec(lineages.LineageKey, "lineage_id", silent=_AUDIT),
    "admit_runs": WriteSpec(lineages.DrawsRow, "lineage_id", silent=_PART, kind=None),
    "admit_attempts": WriteSpec(lineages.DrawsRow, "lineage_id", silent=_PART, kind=None),
    "admit_retries": WriteSpec(lineages.DrawsRow, "lineage_id", silent=_PART, kind=None),
    "reserve_runs": WriteSpec(lineages.ReservationRow, "lineage_id", silent=_PART, kind=None),
    "charge_runs": WriteSpec(lineages.ChargeRow, "execution_id", silent=_PART, kind=None),
    "begin_lineages": WriteSpec(lineages.LineageRow, "lineage_id", silent=_AUDIT),
    "link_lineages": WriteSpec(lineages.LineageKey, "lineage_id", silent=_PART, kind=None),
    "admit_follow_ups": WriteSpec(lineages.FollowUpAdmissionRow, "lineage_id", silent=_PART, kind=CLAIM),
    "refuse_follow_ups": WriteSpec(lineages.FollowUpQuotaRow, "limit_key", silent=_PART, kind=CLAIM),
    "refuse_follow_ups_of_origins": WriteSpec(lineages.FollowUpQuotaRow, "limit_key", silent=_PART, kind=CLAIM),
    "create_follow_ups": WriteSpec(
        lineages.FollowUpRow, "lineage_id", count=row_counts.created, events=row_events.created, kind=CLAIM
    ),
    "note_follow_ups": WriteSpec(lineages.FollowUpRefusalRow, "execution_id", silent=_PART, kind=CLAIM),
    "note_exhausted": WriteSpec(lineages.ExhaustedRow, "lineage_id", events=row_events.exhausted, kind=None),
    "record_budgets": WriteSpec(lineages.BudgetChangeRow, silent=_AUDIT),
}
_COPIES_AND_REPAIRS: Final = {
    "put_nodes_of_<label>": WriteSpec(upkeep.NodeRow, silent=_COPY),
    "put_own_thoughts": WriteSpec(upkeep.NodeRow, silent=_COPY),
    "put_edges_of_<edge>": WriteSpec(upkeep.EdgeRow, silent=_COPY),
    "write_copy_progress": WriteSpec(upkeep.CopyProgressRow, silent=_COPY),
    "complete_copy": WriteSpec(upkeep.CopyCompletionRow, silent=_COPY),
    "delete_unreadable_<label>": WriteSpec(upkeep.NodeKey, silent=_REPAIR),
    "delete_unreadable_tokens": WriteSpec(upkeep.NodeKey, silent=_REPAIR),
    "replace_batches": WriteSpec(upkeep.BatchRow, silent="it replaces events that cannot be read"),
    "record_repair": WriteSpec(tasks.ChangeRow, silent=_AUDIT),
    "set_derived": WriteSpec(upkeep.DerivedRow, "task_id", silent=_REPAIR),
    "delete_statistics": WriteSpec(upkeep.EmptyRow, silent=_REPAIR),
    "restore_graph": WriteSpec(upkeep.RestoreRow, silent=_COPY),
    "end_all_leases": WriteSpec(upkeep.EmptyRow, silent=_COPY),
    "delete_replicas": WriteSpec(upkeep.EmptyRow, silent=_COPY),
}
SPECS: Final[Mapping[str, WriteSpec]] = {
    **_EXECUTIONS,
    **_TASKS,
    **_UPKEEP,
    **_REFERENCES,
    **_LINEAGES,
    **_COPIES_AND_REPAIRS,
}
"""By the name of the query in its file."""
WRITES: Final[Mapping[str, WriteSpec]] = {
    each.name: SPECS[each.written] for each in queries().values() if each.written in SPECS
}
"""By the name of the query: a query of every label, or of every type of edge, has one name for each."""
RECURRENT: Final = tuple(name for name, spec in WRITES.items() if spec.recurrent)
"""The writes that a replica makes again and again."""


def is_urgent(statements: Sequence[Statement]) -> bool:
    """Return True if a write goes at once, apart from all others: all of its statements are urgent."""
    return bool(statements) and all(WRITES[each.name].urgent for each in statements)


def kind_of(statements: Sequence[Statement]) -> Kind:
    """Return the kind of a write: of its first statement that has one; of parts alone, that of a claim."""
    if not statements:
        return IDLE
    return next((kind for each in statements if (kind := WRITES[each.name].kind)), CLAIM)
