// name: due_retries
// Failed executions whose next attempt is due after $floor_ms and by $now_ms, the first due first, at most $limit: as nodes, with their tasks.
MATCH (e:task_execution)
USING INDEX SEEK e:task_execution(retry_due_ms)
WHERE e.retry_due_ms > $floor_ms AND e.retry_due_ms <= $now_ms
OPTIONAL MATCH (e)-[:EXECUTION_OF]->(t:scheduled_task)
RETURN e, t ORDER BY e.retry_due_ms LIMIT $limit

// name: next_retry
// The earliest moment after $floor_ms for which the next attempt at an occurrence waits.
MATCH (e:task_execution)
USING INDEX SEEK e:task_execution(retry_due_ms)
WHERE e.retry_due_ms > $floor_ms
RETURN e.retry_due_ms AS due_ms ORDER BY e.retry_due_ms LIMIT 1

// name: start_retries
// Start the next attempts at occurrences that failed, if they wait still and their tasks are open and paused as they were read.
UNWIND $rows AS r
MATCH (former:task_execution {execution_id: r.former_execution_id})-[:EXECUTION_OF]->(t:scheduled_task)
USING INDEX SEEK former:task_execution(execution_id)
SET t.fence = coalesce(t.fence, 0)
WITH former, t, r
WHERE former.retry_due_ms = r.due_ms AND t.status = r.task_status
  AND coalesce(t.paused_at.epochMillis, 0) = coalesce(r.paused_ms, 0)
  AND NOT EXISTS { MATCH (l:concurrency_limit) WHERE l.limit_key IN r.limit_keys AND l.free <= r.places[l.limit_key] }
SET t.fence = t.fence + 1, t.last_triggered_at = datetime({epochMillis: r.triggered_ms}),
    former.retry_due_ms = null, former.retry_task_id = null, former.retry_held_ms = null
CREATE (e:task_execution {
  execution_id: r.execution_id, occurrence_key: r.occurrence_key, task_id: r.task_id,
  execution_type: r.execution_type, task_type: r.task_type, status: 'running', attempt: r.attempt, occurrences: 1,
  nominal_at: datetime({epochMillis: r.nominal_ms}), triggered_at: datetime({epochMillis: r.triggered_ms}),
  fence: t.fence, replica_id: r.replica_id, cause: former.cause, cause_detail: former.cause_detail,
  limit_keys: r.all_limit_keys, retry_since_ms: r.retry_since_ms, rerun_input: former.rerun_input
})-[:EXECUTION_OF]->(t)
CREATE (e)-[:RETRY_OF]->(former)
RETURN r.row AS row, e.fence AS fence

// name: hold_retries
// Let attempts that are due wait for the end of the pause of their task, without one until it is resumed; or for another look.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})-[:EXECUTION_OF]->(t:scheduled_task)
USING INDEX SEEK e:task_execution(execution_id)
SET t.fence = coalesce(t.fence, 0)
WITH e, t, r
WHERE e.retry_due_ms = r.due_ms AND (t.paused_at IS NOT NULL OR NOT r.by_pause)
SET e.retry_due_ms = r.until_ms, e.retry_held_ms = CASE WHEN r.by_pause THEN r.due_ms ELSE null END
RETURN r.row AS row

// name: release_retries
// Let the attempts that a pause held start now: a change just now has ended or moved the pause of their task.
UNWIND $rows AS r
MATCH (c:task_change {change_id: r.change_id})
USING INDEX SEEK c:task_change(change_id)
MATCH (e:task_execution {retry_task_id: r.task_id})
USING INDEX SEEK e:task_execution(retry_task_id)
WHERE e.retry_held_ms IS NOT NULL
SET e.retry_due_ms = r.at_ms, e.retry_held_ms = null
RETURN DISTINCT r.row AS row

// name: recall_retries
// Let the attempts be looked at now that wait because of the retries of their task: a change just now has taken these away.
UNWIND $rows AS r
MATCH (c:task_change {change_id: r.change_id})
USING INDEX SEEK c:task_change(change_id)
MATCH (e:task_execution {retry_task_id: r.task_id})
USING INDEX SEEK e:task_execution(retry_task_id)
WHERE coalesce(e.reason_code, '') <> 'retry_requested'
SET e.retry_due_ms = r.at_ms, e.retry_held_ms = null
RETURN DISTINCT r.row AS row

// name: end_retries
// Let the waiting attempts of tasks that a change just now has ended never start.
UNWIND $rows AS r
MATCH (c:task_change {change_id: r.change_id})
USING INDEX SEEK c:task_change(change_id)
MATCH (e:task_execution {retry_task_id: r.task_id})
USING INDEX SEEK e:task_execution(retry_task_id)
SET e.retry_due_ms = null, e.retry_held_ms = null, e.retry_task_id = null
RETURN DISTINCT r.row AS row

// name: drop_retries
// Let attempts that are due never start: the failure before is the outcome.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
SET e.fence = coalesce(e.fence, 0)
WITH e, r
WHERE e.retry_due_ms = r.due_ms
SET e.retry_due_ms = null, e.retry_held_ms = null, e.retry_task_id = null
RETURN r.row AS row

// name: give_up_retries
// Let attempts that are due never start, so that the failure before is the outcome. It gets another fence: what follows from an outcome is written under that.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
SET e.fence = coalesce(e.fence, 0)
WITH e, r
WHERE e.retry_due_ms = r.due_ms AND e.fence = r.fence
SET e.fence = r.fence + 1, e.retry_due_ms = null, e.retry_held_ms = null, e.retry_task_id = null
RETURN r.row AS row

// name: count_failures
// Count outcomes that are about to be written for the failures in a row of their tasks; pause a task with as many as it may have.
// A failure whose next attempt is given up is such an outcome too, if that waits as it was read.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})-[:EXECUTION_OF]->(t:scheduled_task)
USING INDEX SEEK e:task_execution(execution_id)
SET e.fence = coalesce(e.fence, 0), t.fence = coalesce(t.fence, 0)
WITH e, t, r
WHERE e.fence = r.fence AND (e.status = 'running' OR e.retry_due_ms = r.due_ms) AND t.status IN ['PENDING', 'ACTIVE']
WITH t, collect(r) AS told
WITH t, told, told[size(told) - 1] AS r, [i IN range(0, size(told) - 1) WHERE NOT told[i].is_failure] AS done
WITH t, r, CASE
  WHEN size(done) = 0 THEN coalesce(t.failures_in_row, 0) + size(told)
  WHEN done[size(done) - 1] = size(told) - 1 THEN null ELSE size(told) - 1 - done[size(done) - 1] END AS failures
WHERE failures IS NOT NULL OR t.failures_in_row IS NOT NULL
SET t.failures_in_row = failures
WITH t, r, failures
WHERE failures >= t.pause_on_failure AND t.paused_at IS NULL
WITH t, r, failures, toString(failures) + ' failures in a row, the last: ' + r.fault AS reason
SET t.fence = t.fence + 1, t.paused_at = datetime({epochMillis: r.at_ms}), t.paused_until = null,
    t.pause_reason = reason, t.on_missed = null, t.next_run_ms = null, t.due_key = null,
    t.wait_key = null, t.waits_since_ms = null, t.wait_reason = null, t.wait_index_key = null
CREATE (c:task_change {
  change_id: r.change_id, task_id: r.of_task, action: 'pause', at: datetime({epochMillis: r.at_ms}),
  surface: 'scheduler', actor: r.actor, reason: reason, before: '{"paused_at":null}',
  after: '{"failures_in_row":' + toString(failures) + '}'
})-[:CHANGE_OF]->(t)
RETURN r.row AS row, failures, reason, r.of_task AS task_id
