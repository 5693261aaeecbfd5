// name: watches
// The tasks that wait for something to happen, in a few properties each, with the state of the task that each follows.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(check_at_ms)
WHERE t.check_at_ms >= 0
OPTIONAL MATCH (t)-[:RUNS_AFTER]->(o:scheduled_task)
RETURN t.task_id AS task_id, t.check_at_ms AS check_at_ms, t.runs_after_id AS runs_after_id, coalesce(o.fence, 0) AS other_fence,
       o.status AS other_status, o.nominal_ms AS other_nominal_ms, o.next_run_ms AS other_next_run_ms,
       o.runs_after_id IS NOT NULL AS other_follows, left(o.watch, 20) AS other_place

// name: watched_tasks
// Those of $ids that are there, as nodes.
UNWIND $ids AS id
MATCH (t:scheduled_task {task_id: id})
USING INDEX SEEK t:scheduled_task(task_id)
RETURN t

// name: followed_executions
// Executions of the tasks of $sought from an id on, by the schedule, that run, or have completed or failed since a time.
UNWIND $sought AS s
MATCH (t:scheduled_task {task_id: s.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
MATCH (e:task_execution)-[:EXECUTION_OF]->(t)
WHERE e.execution_id >= s.low_id AND e.execution_type <> 'manual_trigger'
  AND (e.status = 'running' OR e.status IN ['completed', 'failed'] AND e.completed_at.epochMillis >= s.since_ms)
RETURN s.place AS place, e.execution_id AS execution_id, e.attempt AS attempt,
       CASE WHEN e.retry_task_id IS NULL THEN e.status ELSE 'running' END AS status,
       e.nominal_at.epochMillis AS nominal_ms, e.completed_at.epochMillis AS completed_ms, coalesce(e.fence, 0) AS fence

// name: follow_tasks
// Let new tasks follow others.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
MATCH (o:scheduled_task {task_id: r.runs_after_id})
USING INDEX SEEK o:scheduled_task(task_id)
CREATE (t)-[:RUNS_AFTER]->(o)
RETURN r.row AS row

// name: follow_no_more
// Let tasks that were changed just now follow none.
UNWIND $rows AS r
MATCH (c:task_change {change_id: r.change_id})
MATCH (t:scheduled_task {task_id: r.task_id})-[a:RUNS_AFTER]->()
DELETE a
RETURN DISTINCT r.row AS row

// name: follow_another
// Let tasks that were changed just now follow others.
UNWIND $rows AS r
MATCH (c:task_change {change_id: r.change_id})
MATCH (t:scheduled_task {task_id: r.task_id})
MATCH (o:scheduled_task {task_id: r.runs_after_id})
CREATE (t)-[:RUNS_AFTER]->(o)
RETURN r.row AS row

// name: add_reactions
// Give waiting tasks that are still as they were read their new occurrences.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r
WHERE t.fence = r.fence AND t.status IN ['PENDING', 'ACTIVE']
SET t += r.task, t.fence = r.fence + 1
RETURN r.row AS row

// name: fail_checks
// Write why checks of open tasks failed, if they still have the schedule that was checked and do not say so already.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r
WHERE t.status IN ['PENDING', 'ACTIVE'] AND t.schedule_spec = r.schedule_spec AND coalesce(t.check_error, '') <> r.reason
SET t.check_error = r.reason
RETURN r.row AS row

// name: failed_checks
// Open tasks that wait for something and whose last check failed, with why, $limit at most.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(check_at_ms)
WHERE t.check_at_ms >= 0 AND t.check_error IS NOT NULL
RETURN t.task_id AS task_id, t.check_error AS check_error
ORDER BY task_id LIMIT $limit

// name: end_watched_tasks
// End tasks that wait for what can come no more, if they are still as they were read and run nothing; write why.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r
WHERE t.fence = r.fence AND t.status IN ['PENDING', 'ACTIVE'] AND t.next_run_ms IS NULL AND t.nominal_ms IS NULL
WITH t, r, t.status AS before
SET t.fence = r.fence + 1, t.status = r.status, t.status_index_key = r.status + '|' + t.task_type + '|' + t.task_id,
    t.check_at_ms = null, t.paused_at = null, t.paused_until = null, t.pause_reason = null, t.on_missed = null
CREATE (c:task_change {
  change_id: r.change_id, task_id: r.task_id, action: 'end', at: datetime({epochMillis: r.at_ms}),
  surface: 'scheduler', reason: r.reason,
  before: '{"status":"' + before + '"}', after: '{"status":"' + r.status + '"}'
})-[:CHANGE_OF]->(t)
RETURN r.row AS row, before
