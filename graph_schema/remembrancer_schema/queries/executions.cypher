// name: claim_executions
// Take occurrences: lock the task by its fence, check that it stands as read, move it on, write the execution.
UNWIND $rows AS r
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(task_id)
WHERE elementId(t) = r.element_id AND t.task_id = r.task_id
SET t.fence = coalesce(t.fence, 0) + 1
WITH t, r
WHERE t.fence = r.fence AND t.next_run_ms = r.expected_ms AND t.status IN ['PENDING', 'ACTIVE']
SET t += r.task, t.last_triggered_at = datetime({epochMillis: r.triggered_ms})
CREATE (e:task_execution {
  execution_id: r.execution_id, occurrence_key: r.occurrence_key, task_id: r.task_id,
  execution_type: r.execution_type, task_type: r.task_type, status: 'running', attempt: 1, occurrences: 1,
  nominal_at: datetime({epochMillis: r.nominal_ms}), triggered_at: datetime({epochMillis: r.triggered_ms}),
  trigger_delay_ms: r.trigger_delay_ms, fence: r.fence, replica_id: r.replica_id
})-[:EXECUTION_OF]->(t)
RETURN r.row AS row, elementId(e) AS element_id

// name: record_outcomes
// Account for occurrences that will not run: the same lock and check, but the execution is terminal at once.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0) + 1
WITH t, r
WHERE t.fence = r.fence AND t.status IN ['PENDING', 'ACTIVE']
  AND (t.next_run_ms = r.expected_ms OR t.next_run_ms IS NULL AND r.expected_ms IS NULL)
SET t += r.task
CREATE (e:task_execution {
  execution_id: r.execution_id, occurrence_key: r.occurrence_key, task_id: r.task_id,
  execution_type: r.execution_type, task_type: r.task_type, status: r.status, attempt: 1, occurrences: r.occurrences,
  nominal_at: datetime({epochMillis: r.nominal_ms}), last_nominal_at: datetime({epochMillis: r.last_nominal_ms}),
  triggered_at: datetime({epochMillis: r.triggered_ms}), completed_at: datetime({epochMillis: r.triggered_ms}),
  duration_seconds: 0.0, fence: r.fence, replica_id: r.replica_id, reason_code: r.reason_code, reason: r.reason,
  outcome_key: r.status + '|' + r.execution_id
})-[:EXECUTION_OF]->(t)
RETURN r.row AS row

// name: advance_past_existing
// Move on tasks that are due at an occurrence which has an execution already: one of the two was restored from a backup.
// An agent-paced task has its next check a millisecond later, since no outcome to come arms one.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r
WHERE t.fence + 1 = r.fence AND t.next_run_ms = r.expected_ms AND t.status IN ['PENDING', 'ACTIVE']
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.task_id = r.task_id
WITH t, r, e, t.check_at_ms IS NOT NULL OR t.next_check_ms IS NOT NULL AS reacts,
  t.next_check_ms IS NOT NULL AND r.task.next_run_ms IS NULL AND e.status <> 'running' AS again, r.nominal_ms + 1 AS later_ms,
  t.due_key + (r.nominal_ms + 1 - t.next_run_ms) * 1000000 AS later_key
WITH t, r, again, later_ms, later_key, CASE
  WHEN r.task.next_run_ms IS NOT NULL OR e.status = 'running' OR reacts THEN coalesce(r.task.status, t.status)
  WHEN e.status = 'completed' THEN 'COMPLETE' ELSE 'FAILED' END AS status
SET t += r.task, t.fence = r.fence, t.status = status, t.status_index_key = status + '|' + t.task_type + '|' + t.task_id,
    t.next_run_ms = CASE WHEN again THEN later_ms ELSE r.task.next_run_ms END,
    t.nominal_ms = CASE WHEN again THEN later_ms ELSE r.task.nominal_ms END,
    t.next_check_ms = CASE WHEN again THEN later_ms ELSE t.next_check_ms END,
    t.due_key = CASE WHEN again THEN later_key ELSE r.task.due_key END,
    t.wait_key = null, t.waits_since_ms = null, t.wait_reason = null, t.wait_index_key = null
RETURN r.row AS row

// name: end_deferrals
// The put-off run of a task has been claimed: its deferral is no longer live, and is not the time at which its schedule begins.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})-[:EXECUTION_OF]->(t:scheduled_task)
USING INDEX SEEK e:task_execution(execution_id)
WITH r, t, coalesce(t.deferral_id, t.last_deferral_id) AS ended
SET t.last_deferral_id = ended, t.deferral_id = null,
    t.defer_until = CASE WHEN t.task_type = 'recurring' THEN null ELSE t.defer_until END
RETURN r.row AS row

// name: record_causes
// Write the causes of executions whose occurrences their schedules do not name.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
SET e.cause = r.cause, e.cause_detail = r.cause_detail
RETURN r.row AS row

// name: start_executions
// Write running executions outside the schedule, as asked for by hand, and who asked: of open tasks; again also of those that ended, unless cancelled.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r
WHERE (t.status IN ['PENDING', 'ACTIVE'] OR r.again AND t.status <> 'CANCELLED')
  AND t.fence = coalesce(r.if_fence, t.fence)
  AND NOT EXISTS { MATCH (l:concurrency_limit) WHERE l.limit_key IN r.limit_keys AND l.free < 1 }
SET t.fence = t.fence + 1, t.last_triggered_at = datetime({epochMillis: r.triggered_ms})
CREATE (e:task_execution {
  execution_id: r.execution_id, occurrence_key: r.occurrence_key, task_id: r.task_id,
  execution_type: r.execution_type, task_type: r.task_type, status: 'running', attempt: 1, occurrences: 1,
  nominal_at: datetime({epochMillis: r.nominal_ms}), triggered_at: datetime({epochMillis: r.triggered_ms}),
  fence: t.fence, replica_id: r.replica_id, limit_keys: CASE WHEN size(r.limit_keys) = 0 THEN null ELSE r.limit_keys END,
  rerun_input: r.rerun_input
})-[:EXECUTION_OF]->(t)
CREATE (c:task_change {
  change_id: r.change_id, task_id: r.task_id, action: r.action, at: datetime({epochMillis: r.triggered_ms}),
  surface: r.surface, actor: r.actor, reason: r.change_reason, thought_id: r.thought_id, after: r.after,
  idempotency_key: r.idempotency_key, request_digest: r.request_digest
})-[:CHANGE_OF]->(t)
RETURN r.row AS row, t.fence AS fence

// name: settle_executions
// Write terminal outcomes by execution and fence: a late holder finds another fence, under the lock, and writes nothing.
UNWIND $rows AS r
MATCH (e:task_execution)
USING INDEX SEEK e:task_execution(execution_id)
WHERE elementId(e) = r.element_id AND e.execution_id = r.execution_id
SET e.fence = coalesce(e.fence, 0)
WITH e, r
WHERE e.fence = r.fence AND e.status = 'running'
SET e += r.outcome, e.completed_at = datetime({epochMillis: r.completed_ms})
RETURN r.row AS row

// name: arm_next_checks
// Arm agent-paced tasks for their next check, if an execution has its outcome and fence, and has not done so before.
// A check that is ahead already stays, unless the answer names an earlier time. A live deferral holds them all.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})-[:EXECUTION_OF]->(t:scheduled_task)
USING INDEX SEEK e:task_execution(execution_id)
SET t.fence = coalesce(t.fence, 0)
WITH e, t, r
WHERE e.fence = r.fence AND e.status <> 'running' AND e.next_check_at IS NULL
  AND t.status IN ['PENDING', 'ACTIVE'] AND t.next_check_ms IS NOT NULL AND t.deferral_id IS NULL
  AND (t.nominal_ms IS NULL OR t.next_check_ms < t.nominal_ms OR r.is_answer AND r.at_ms < t.next_check_ms)
WITH e, t, r, CASE WHEN t.nominal_ms < r.at_ms THEN t.nominal_ms ELSE r.at_ms END AS nominal_ms
WITH e, t, r, nominal_ms, CASE
  WHEN t.paused_at IS NULL THEN nominal_ms
  WHEN t.paused_until IS NULL THEN null
  WHEN t.paused_until.epochMillis > nominal_ms THEN t.paused_until.epochMillis ELSE nominal_ms END AS run_ms
SET e.next_check_at = datetime({epochMillis: r.at_ms}),
    t.fence = t.fence + 1, t.next_check_ms = r.at_ms, t.nominal_ms = nominal_ms, t.next_run_ms = run_ms,
    t.due_key = run_ms * 1000000 + r.own_digits,
    t.wait_key = null, t.waits_since_ms = null, t.wait_reason = null, t.wait_index_key = null
RETURN r.row AS row, t.task_id AS task_id, run_ms AS next_run_ms

// name: report_progress
// Keep how far executions have come that still run: the lock first, or a report could follow the outcome.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
SET e.fence = coalesce(e.fence, 0)
WITH e, r
WHERE e.fence = r.fence AND e.status = 'running'
SET e.progress = r.progress, e.progress_text = r.progress_text
RETURN r.row AS row

// name: link_created_thoughts
// Keep the thoughts that executions created.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.fence = r.fence AND e.thought_id IS NULL
MERGE (h:thought {thought_id: r.thought_id})
  ON CREATE SET h.recorded_by = 'remembrancer', h.created_at = datetime({epochMillis: r.completed_ms}),
                h.content = r.content
CREATE (e)-[:CREATED_THOUGHT]->(h)
SET e.thought_id = r.thought_id
RETURN r.row AS row

// name: acquire_leases
// Hold the executions of one batch for a replica, until a time.
UNWIND $rows AS r
CREATE (l:execution_lease {
  lease_id: r.lease_id, replica_id: r.replica_id, until_ms: r.until_ms, execution_ids: r.execution_ids
})
RETURN r.row AS row

// name: renew_leases
// Let leases hold longer.
UNWIND $rows AS r
MATCH (l:execution_lease {lease_id: r.lease_id})
USING INDEX SEEK l:execution_lease(lease_id)
SET l.until_ms = r.until_ms
RETURN r.row AS row

// name: release_leases
// Every execution of these batches is settled: their leases are over.
UNWIND $rows AS r
MATCH (l:execution_lease {lease_id: r.lease_id})
USING INDEX SEEK l:execution_lease(lease_id)
DELETE l
RETURN r.row AS row

// name: expired_leases
// Leases that expired by $now_ms, or that another replica held where $others is true.
MATCH (l:execution_lease)
WHERE l.lease_id IS NOT NULL AND (l.until_ms <= $now_ms OR ($others AND l.replica_id <> $mine))
RETURN l.lease_id AS lease_id, l.execution_ids AS execution_ids ORDER BY l.lease_id

// name: leases_held
// The leases there are, the newest first, at most $limit.
MATCH (l:execution_lease)
WHERE l.lease_id IS NOT NULL AND l.execution_ids IS NOT NULL
RETURN l.execution_ids AS execution_ids ORDER BY l.lease_id DESC LIMIT $limit

// name: still_running
// Those of $execution_ids that have no outcome yet, as nodes.
UNWIND $execution_ids AS execution_id
MATCH (e:task_execution {execution_id: execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.status = 'running'
RETURN e

// name: fail_lost_executions
// Fail executions whose holder is gone; the fence moves on, so that the holder can no longer settle them.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
SET e.fence = coalesce(e.fence, 0)
WITH e, r
WHERE e.fence = r.fence AND e.status = 'running'
SET e += r.outcome, e.completed_at = datetime({epochMillis: r.completed_ms}), e.fence = r.fence + 1
RETURN r.row AS row

// name: retry_executions
// Start another attempt at occurrences that were lost.
UNWIND $rows AS r
MATCH (lost:task_execution {execution_id: r.lost_execution_id})-[:EXECUTION_OF]->(t:scheduled_task)
USING INDEX SEEK lost:task_execution(execution_id)
SET t.fence = coalesce(t.fence, 0) + 1
WITH lost, t, r
WHERE lost.fence = r.lost_fence AND t.status IN ['PENDING', 'ACTIVE']
CREATE (e:task_execution {
  execution_id: r.execution_id, occurrence_key: r.occurrence_key, task_id: r.task_id,
  execution_type: r.execution_type, task_type: r.task_type, status: 'running', attempt: r.attempt, occurrences: 1,
  nominal_at: datetime({epochMillis: r.nominal_ms}), triggered_at: datetime({epochMillis: r.triggered_ms}),
  fence: t.fence, replica_id: r.replica_id, cause: lost.cause, cause_detail: lost.cause_detail,
  limit_keys: lost.limit_keys, retry_since_ms: r.retry_since_ms, rerun_input: lost.rerun_input
})-[:EXECUTION_OF]->(t)
CREATE (e)-[:RETRY_OF]->(lost)
RETURN r.row AS row, t.fence AS fence

// name: execution_by_id
// One execution, as a node.
MATCH (e:task_execution {execution_id: $execution_id})
USING INDEX SEEK e:task_execution(execution_id)
RETURN e

// name: executions_of_task
// The executions of one task before $before_id, newest first, as nodes.
MATCH (e:task_execution)-[:EXECUTION_OF]->(t:scheduled_task {task_id: $task_id})
USING INDEX SEEK t:scheduled_task(task_id)
WHERE e.execution_id < $before_id
RETURN e ORDER BY e.execution_id DESC LIMIT $limit

// name: latest_executions
// The newest executions of all tasks, after $after_id and before $before_id, as nodes; ids sort by the moment of the occurrence.
MATCH (e:task_execution)
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.execution_id > $after_id AND e.execution_id < $before_id
RETURN e ORDER BY e.execution_id DESC LIMIT $limit

// name: executions_of_task_with_status
// The executions of one task with one of $statuses, after $after_id and before $before_id, newest first, as nodes.
MATCH (e:task_execution)-[:EXECUTION_OF]->(t:scheduled_task {task_id: $task_id})
USING INDEX SEEK t:scheduled_task(task_id)
WHERE e.execution_id > $after_id AND e.execution_id < $before_id AND e.status IN $statuses
RETURN e ORDER BY e.execution_id DESC LIMIT $limit

// name: executions_with_status
// The newest executions of all tasks with one of $statuses, after $after_id and before $before_id, as nodes.
MATCH (e:task_execution)
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.execution_id > $after_id AND e.execution_id < $before_id AND e.status IN $statuses
RETURN e ORDER BY e.execution_id DESC LIMIT $limit

// name: executions_by_outcome
// The newest executions with an outcome key above $above and below $below, as nodes: those of one outcome, but completed.
MATCH (e:task_execution)
USING INDEX SEEK e:task_execution(outcome_key)
WHERE e.outcome_key > $above AND e.outcome_key < $below
RETURN e ORDER BY e.outcome_key DESC LIMIT $limit

// name: execution_elements
// Where executions are: the engine's own ids of those of $ids that are there.
UNWIND $ids AS id
MATCH (e:task_execution {execution_id: id})
USING INDEX SEEK e:task_execution(execution_id)
RETURN id, elementId(e) AS element_id
