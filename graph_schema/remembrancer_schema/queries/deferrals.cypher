// name: defer_tasks
// Put tasks off to a later moment, if they still stand as read, and write who decided it; they keep their place.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r, coalesce(t.deferral_count, 0) AS deferrals, t.deferral_id AS before
WHERE t.next_run_ms = r.expected_ms AND t.status IN ['PENDING', 'ACTIVE'] AND t.fence = coalesce(r.task_fence, t.fence)
  AND t.fence = coalesce(r.if_fence, t.fence) AND coalesce(before, '') = coalesce(r.live_id, '')
SET t.fence = t.fence + 1, t.next_run_ms = r.next_run_ms, t.due_key = r.due_key, t.deferral_id = r.deferral_id,
    t.deferral_count = deferrals + 1, t.last_deferral_id = before,
    t.defer_until = CASE WHEN r.deferred_until_ms IS NULL THEN null ELSE datetime({epochMillis: r.deferred_until_ms}) END,
    t.question_id = CASE WHEN r.question IS NULL THEN null ELSE r.deferral_id END, t.question = r.question, t.answer = null,
    t.wait_key = null, t.waits_since_ms = null, t.wait_reason = null, t.wait_index_key = null,
    t.chain_deferrals = CASE WHEN before IS NULL THEN 1 ELSE coalesce(t.chain_deferrals, 1) + 1 END,
    t.chain_since_ms = CASE WHEN before IS NULL THEN r.since_ms ELSE coalesce(t.chain_since_ms, r.since_ms) END,
    t.session_key = CASE WHEN before IS NULL THEN null ELSE t.session_key END
CREATE (c:task_change {
  change_id: r.change_id, task_id: r.task_id, action: r.action, at: datetime({epochMillis: r.deferred_ms}),
  surface: r.surface, actor: r.actor, reason: r.reason, thought_id: r.requested_by,
  before: '{"next_run_ms":' + toString(r.expected_ms) + ',"deferral_count":' + toString(deferrals) + '}',
  after: '{"next_run_ms":' + coalesce(toString(r.next_run_ms), 'null') + ',"deferral_count":' + toString(deferrals + 1) + '}',
  idempotency_key: r.idempotency_key, request_digest: r.request_digest
})-[:CHANGE_OF]->(t)
RETURN r.row AS row

// name: defer_settled
// Put tasks off because their execution answered so, if it still has its fence and this was not done before.
// A paused task stays armed for the end of its pause, if that is later, or for nothing. One that was put off meanwhile
// for the last time that it may be keeps that deferral, which stands for this one too. What a caller decided meanwhile
// holds: a deferral by a call to a time ahead, a question, an answer, or the end of the task. The execution says so then.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})-[:EXECUTION_OF]->(t:scheduled_task)
USING INDEX SEEK e:task_execution(execution_id)
SET t.fence = coalesce(t.fence, 0)
WITH e, t, r
WHERE e.fence = r.fence AND t.fence = coalesce(r.task_fence, t.fence)
  AND coalesce(e.reason_code, '') <> 'held_by_deferral' AND NOT EXISTS { MATCH (d:task_deferral {deferral_id: r.deferral_id}) }
WITH e, t, r, CASE
  WHEN NOT t.status IN ['PENDING', 'ACTIVE'] THEN 'the task ended while it ran.'
  WHEN t.deferral_id IS NULL THEN null
  WHEN t.question_id IS NOT NULL THEN 'the task waits for an answer.'
  WHEN t.answer IS NOT NULL THEN 'the question of the task was answered, and that run is still to come.'
  WHEN t.session_key IS NULL AND t.defer_until.epochMillis > r.deferred_ms THEN 'the task was deferred by a call while it ran.'
  ELSE null END AS because
SET e.reason = CASE WHEN because IS NULL THEN e.reason ELSE 'The deferral or question of its handler was not kept: ' + because END,
    e.reason_code = CASE WHEN because IS NULL THEN e.reason_code ELSE 'held_by_deferral' END
WITH t, r, because, e.occurrence_key AS key, t.paused_at IS NULL OR coalesce(t.next_run_ms < r.next_run_ms, r.next_run_ms IS NULL) AS moves,
  CASE WHEN t.deferral_id IS NULL AND r.of_deferred_run THEN t.last_deferral_id ELSE t.deferral_id END AS before
WHERE because IS NULL
  AND (r.most_in_row IS NULL OR r.most_in_row > CASE WHEN before IS NULL THEN 0 ELSE coalesce(t.chain_deferrals, 1) END)
SET t.fence = t.fence + 1, t.deferral_id = r.deferral_id, t.last_deferral_id = before,
    t.chain_deferrals = CASE WHEN before IS NULL THEN 1 ELSE coalesce(t.chain_deferrals, 1) + 1 END,
    t.chain_since_ms = CASE WHEN before IS NULL THEN r.since_ms ELSE coalesce(t.chain_since_ms, r.since_ms) END,
    t.session_key = CASE WHEN before IS NULL THEN key ELSE t.session_key END,
    t.due_key = CASE WHEN moves THEN r.due_key ELSE t.due_key END,
    t.next_run_ms = CASE WHEN moves THEN r.next_run_ms ELSE t.next_run_ms END,
    t.deferral_count = coalesce(t.deferral_count, 0) + 1,
    t.defer_until = CASE WHEN r.deferred_until_ms IS NULL THEN null ELSE datetime({epochMillis: r.deferred_until_ms}) END,
    t.question_id = CASE WHEN r.question IS NULL THEN null ELSE r.deferral_id END, t.question = r.question, t.answer = null,
    t.wait_key = null, t.waits_since_ms = null, t.wait_reason = null, t.wait_index_key = null
RETURN r.row AS row

// name: record_deferrals
// Write deferrals of tasks that were put off by them, REQUESTED_BY a thought where one asked.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
WHERE t.deferral_id = r.deferral_id AND NOT EXISTS { MATCH (d:task_deferral {deferral_id: r.deferral_id}) }
CREATE (d:task_deferral {
  deferral_id: r.deferral_id, task_id: r.task_id, deferred_at: datetime({epochMillis: r.deferred_ms}),
  original_time: CASE WHEN r.original_ms IS NULL THEN null ELSE datetime({epochMillis: r.original_ms}) END,
  deferred_until: CASE WHEN r.deferred_until_ms IS NULL THEN null ELSE datetime({epochMillis: r.deferred_until_ms}) END,
  reason: r.reason, question: r.question,
  deferral_count: t.deferral_count, requested_by: r.requested_by, context: r.context,
  follows_id: t.last_deferral_id, chain_place: t.chain_deferrals, chain_since_ms: t.chain_since_ms
})-[:DEFERRAL_OF]->(t)
RETURN r.row AS row, t.task_type AS task_type, t.deferral_count AS deferral_count

// name: link_requests
// Link deferrals to the thoughts that asked for them.
UNWIND $rows AS r
MATCH (d:task_deferral {deferral_id: r.deferral_id})
USING INDEX SEEK d:task_deferral(deferral_id)
MERGE (h:thought {thought_id: r.requested_by})
  ON CREATE SET h.recorded_by = 'remembrancer', h.created_at = datetime({epochMillis: r.deferred_ms})
MERGE (d)-[:REQUESTED_BY]->(h)
RETURN r.row AS row

// name: answer_tasks
// Close questions of tasks that stand as read, under the lock: a claim or a reminder read before finds another fence.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r
WHERE t.fence = r.fence AND t.question_id = r.question_id AND t.status IN ['PENDING', 'ACTIVE']
SET t.fence = r.fence + 1, t.question_id = null, t.question = null, t.answer = r.answer,
    t.next_run_ms = r.next_run_ms, t.due_key = r.due_key, t.defer_until = datetime({epochMillis: r.run_ms}),
    t.wait_key = null, t.waits_since_ms = null, t.wait_reason = null, t.wait_index_key = null
CREATE (c:task_change {
  change_id: r.change_id, task_id: r.task_id, action: r.action, at: datetime({epochMillis: r.at_ms}),
  surface: r.surface, actor: r.actor, reason: r.reason, thought_id: r.thought_id, before: r.before, after: r.after,
  idempotency_key: r.idempotency_key, request_digest: r.request_digest
})-[:CHANGE_OF]->(t)
RETURN r.row AS row

// name: record_answers
// Keep the answers beside the questions that they closed.
UNWIND $rows AS r
MATCH (d:task_deferral {deferral_id: r.question_id})-[:DEFERRAL_OF]->(t:scheduled_task)
USING INDEX SEEK d:task_deferral(deferral_id)
WHERE t.deferral_id = r.question_id AND t.answer = r.answer
SET d.answer = r.answer
RETURN r.row AS row

// name: ask_again
// Ask questions again, of the same people or of others, if their tasks still stand as read.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r
WHERE t.fence = r.fence AND t.question_id = r.question_id AND t.status IN ['PENDING', 'ACTIVE']
SET t.fence = r.fence + 1, t.question = r.question, t.next_run_ms = r.next_run_ms, t.due_key = r.due_key,
    t.defer_until = datetime({epochMillis: r.next_run_ms}),
    t.wait_key = null, t.waits_since_ms = null, t.wait_reason = null, t.wait_index_key = null
RETURN r.row AS row

// name: open_questions
// Tasks whose next run waits for an answer, by the id of the question, so the oldest question first, as nodes.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(question_id)
WHERE t.question_id > $above
RETURN t ORDER BY t.question_id LIMIT $limit

// name: link_chains
// Link deferrals to those that they follow in their chains.
UNWIND $rows AS r
MATCH (d:task_deferral {deferral_id: r.deferral_id})
USING INDEX SEEK d:task_deferral(deferral_id)
MATCH (before:task_deferral {deferral_id: d.follows_id})
USING INDEX SEEK before:task_deferral(deferral_id)
MERGE (d)-[:FOLLOWS_DEFERRAL]->(before)
RETURN r.row AS row

// name: deferrals_of_task
// The deferrals of one task, oldest first, as nodes.
MATCH (d:task_deferral)-[:DEFERRAL_OF]->(t:scheduled_task {task_id: $task_id})
USING INDEX SEEK t:scheduled_task(task_id)
RETURN d ORDER BY d.deferred_at, d.deferral_count
