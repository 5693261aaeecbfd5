// name: record_dead_letters
// Count failures that no attempt follows: one node for each task and fault; an execution is counted once.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r
UNWIND r.executions AS x
MATCH (e:task_execution {execution_id: x.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.fence = x.fence AND e.status = 'failed' AND e.dead_letter_id IS NULL
SET e.dead_letter_id = r.dead_letter_id
WITH t, r, count(e) AS failures, max(e.execution_id) AS last_id
MERGE (d:dead_letter {dead_letter_id: r.dead_letter_id})
  ON CREATE SET d.task_id = r.task_id, d.reason_code = r.reason_code, d.fault = r.fault, d.failures = 0,
                d.first_at = datetime({epochMillis: r.at_ms})
SET d.failures = d.failures + failures, d.last_at = datetime({epochMillis: r.at_ms}), d.execution_id = last_id,
    d.ended_because = r.ended_because
MERGE (d)-[:DEAD_LETTER_OF]->(t)
RETURN r.row AS row, d.failures AS failures, d.failures = failures AS is_new

// name: dead_letters
// The dead letters, of one task or of all where $task_id is null, the last to fail first, at most $limit, as nodes.
MATCH (d:dead_letter)
WHERE d.dead_letter_id IS NOT NULL AND ($task_id IS NULL OR d.task_id = $task_id)
RETURN d ORDER BY d.last_at DESC LIMIT $limit

// name: dead_letter_by_id
// One dead letter, as a node.
MATCH (d:dead_letter {dead_letter_id: $dead_letter_id})
USING INDEX SEEK d:dead_letter(dead_letter_id)
RETURN d

// name: clear_dead_letters
// Delete dead letters that are as they were read; write who cleared them, and why.
UNWIND $rows AS r
MATCH (d:dead_letter {dead_letter_id: r.dead_letter_id})-[o:DEAD_LETTER_OF]->(t:scheduled_task)
USING INDEX SEEK d:dead_letter(dead_letter_id)
SET d.task_id = r.task_id
WITH d, o, t, r
WHERE d.failures = r.failures
CREATE (c:task_change {
  change_id: r.change_id, task_id: r.task_id, action: r.action, at: datetime({epochMillis: r.at_ms}),
  surface: r.surface, actor: r.actor, reason: r.reason, before: r.before, after: '{"dead_letter":null}',
  idempotency_key: r.idempotency_key, request_digest: r.request_digest
})-[:CHANGE_OF]->(t)
DELETE o, d
RETURN r.row AS row

// name: link_reruns
// Link executions to those that failed, and that they run again.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
MATCH (former:task_execution {execution_id: r.former_execution_id})
USING INDEX SEEK former:task_execution(execution_id)
CREATE (e)-[:RETRY_OF]->(former)
RETURN r.row AS row
