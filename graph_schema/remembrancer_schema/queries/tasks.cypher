// name: create_tasks
// Keep new tasks, each CREATED_BY its thought and SCHEDULED_FOR its first minute.
UNWIND $rows AS r
MERGE (h:thought {thought_id: r.origin_thought_id})
  ON CREATE SET h.recorded_by = 'remembrancer', h.created_at = datetime({epochMillis: r.created_ms})
MERGE (m:time {time_id: r.time_id})
  ON CREATE SET m.at = datetime({epochMillis: r.minute_ms})
CREATE (t:scheduled_task)-[:CREATED_BY]->(h), (t)-[:SCHEDULED_FOR]->(m)
SET t = r.properties, t.created_at = datetime({epochMillis: r.created_ms}),
    t.defer_until = CASE WHEN r.defer_until_ms IS NULL THEN null ELSE datetime({epochMillis: r.defer_until_ms}) END
RETURN r.row AS row

// name: return_dedup_keys
// Free the dedup keys of ended tasks that give them back, for tasks that take them in the same commit; write who asked.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r
WHERE t.dedup_key = r.dedup_key AND t.dedup_reuse = 'after_end' AND NOT t.status IN ['PENDING', 'ACTIVE']
SET t.dedup_key = null
CREATE (c:task_change {
  change_id: r.change_id, task_id: r.task_id, action: r.action, at: datetime({epochMillis: r.at_ms}),
  surface: r.surface, actor: r.actor, before: r.before, after: r.after
})-[:CHANGE_OF]->(t)
RETURN r.row AS row

// name: request_of_task
// The request that made a task which gives its dedup key back, where the request may be sent again.
MATCH (t:scheduled_task {task_id: $task_id})
USING INDEX SEEK t:scheduled_task(task_id)
RETURN t.request_key AS key, t.request_digest AS digest

// name: task_by_id
// One task, as a node.
MATCH (t:scheduled_task {task_id: $task_id})
USING INDEX SEEK t:scheduled_task(task_id)
RETURN t

// name: tasks_by_ids
// Those of $ids that are there, as nodes.
UNWIND $ids AS id
MATCH (t:scheduled_task {task_id: id})
USING INDEX SEEK t:scheduled_task(task_id)
RETURN t

// name: task_elements
// Where tasks are: the engine's own ids of those of $ids that are there.
UNWIND $ids AS id
MATCH (t:scheduled_task {task_id: id})
USING INDEX SEEK t:scheduled_task(task_id)
RETURN id, elementId(t) AS element_id

// name: task_by_dedup_key
// The task kept under a dedup key, as a node.
MATCH (t:scheduled_task {dedup_key: $dedup_key})
USING INDEX SEEK t:scheduled_task(dedup_key)
RETURN t

// name: tasks_under_dedup_keys
// Tasks with a dedup key above $above and below $below, by dedup key, as nodes.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(dedup_key)
WHERE t.dedup_key > $above AND t.dedup_key < $below
RETURN t ORDER BY t.dedup_key LIMIT $limit

// name: reactivation_of
// The open task that brings back the agent's own task $deferred_task_id, as a node.
MATCH (t:scheduled_task {deferred_task_id: $deferred_task_id})
USING INDEX SEEK t:scheduled_task(deferred_task_id)
WHERE t.status IN ['PENDING', 'ACTIVE']
RETURN t LIMIT 1

// name: armed_tasks
// Tasks with a due key above $floor_key, the next to run first, at most $limit; $statuses and $types limit which.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(due_key)
WHERE t.due_key > $floor_key AND t.status IN $statuses AND t.task_type IN $types
RETURN t ORDER BY t.due_key LIMIT $limit

// name: armed_matches
// The same of those that match: by their name, all of $tags (at most ten), their group, a part of their texts, and whether $paused.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(due_key)
WHERE t.due_key > $floor_key AND t.status IN $statuses AND t.task_type IN $types
  AND ($name IS NULL OR t.name = $name) AND ($group IS NULL OR t.group = $group)
  AND ALL(tag IN [$tags[0], $tags[1], $tags[2], $tags[3], $tags[4], $tags[5], $tags[6], $tags[7], $tags[8], $tags[9]]
    WHERE tag IS NULL OR tag IN coalesce(t.tags, []))
  AND ($text IS NULL OR toLower(t.name) CONTAINS toLower($text) OR toLower(t.goal_description) CONTAINS toLower($text)
    OR toLower(t.trigger_prompt) CONTAINS toLower($text))
  AND ($paused = false OR t.paused_at IS NOT NULL)
RETURN t ORDER BY t.due_key LIMIT $limit

// name: unarmed_tasks
// Tasks that are not in the due index, unarmed or waiting, with a status index key above $above and below $below, the newest first, as nodes.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(status_index_key)
WHERE t.status_index_key > $above AND t.status_index_key < $below AND t.due_key IS NULL
RETURN t ORDER BY t.status_index_key DESC LIMIT $limit

// name: unarmed_matches
// The same of those that match, as in `armed_matches`.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(status_index_key)
WHERE t.status_index_key > $above AND t.status_index_key < $below AND t.due_key IS NULL
  AND ($name IS NULL OR t.name = $name) AND ($group IS NULL OR t.group = $group)
  AND ALL(tag IN [$tags[0], $tags[1], $tags[2], $tags[3], $tags[4], $tags[5], $tags[6], $tags[7], $tags[8], $tags[9]]
    WHERE tag IS NULL OR tag IN coalesce(t.tags, []))
  AND ($text IS NULL OR toLower(t.name) CONTAINS toLower($text) OR toLower(t.goal_description) CONTAINS toLower($text)
    OR toLower(t.trigger_prompt) CONTAINS toLower($text))
  AND ($paused = false OR t.paused_at IS NOT NULL)
RETURN t ORDER BY t.status_index_key DESC LIMIT $limit

// name: listed_tasks
// Tasks with a status index key above $above and below $below, the newest of a status and type first, as nodes.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(status_index_key)
WHERE t.status_index_key > $above AND t.status_index_key < $below
RETURN t ORDER BY t.status_index_key DESC LIMIT $limit

// name: listed_matches
// The same of those that match, as in `armed_matches`.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(status_index_key)
WHERE t.status_index_key > $above AND t.status_index_key < $below
  AND ($name IS NULL OR t.name = $name) AND ($group IS NULL OR t.group = $group)
  AND ALL(tag IN [$tags[0], $tags[1], $tags[2], $tags[3], $tags[4], $tags[5], $tags[6], $tags[7], $tags[8], $tags[9]]
    WHERE tag IS NULL OR tag IN coalesce(t.tags, []))
  AND ($text IS NULL OR toLower(t.name) CONTAINS toLower($text) OR toLower(t.goal_description) CONTAINS toLower($text)
    OR toLower(t.trigger_prompt) CONTAINS toLower($text))
  AND ($paused = false OR t.paused_at IS NOT NULL)
RETURN t ORDER BY t.status_index_key DESC LIMIT $limit

// name: tasks_of_cron
// Open tasks with a cron index key above $above and below $below, in the order of their ids, as nodes.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(cron_index_key)
WHERE t.cron_index_key > $above AND t.cron_index_key < $below
RETURN t ORDER BY t.cron_index_key LIMIT $limit

// name: due_tasks
// Armed tasks with a due key above $floor_key and up to $now_key, oldest first, at most $limit: as nodes, and where.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(due_key)
WHERE t.due_key > $floor_key AND t.due_key <= $now_key
RETURN t, elementId(t) AS element_id ORDER BY t.due_key LIMIT $limit

// name: due_without_priority
// The same as `due_tasks` of those without a served priority.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(due_key)
WHERE t.due_key > $floor_key AND t.due_key <= $now_key AND t.served_priority IS NULL
RETURN t, elementId(t) AS element_id ORDER BY t.due_key LIMIT $limit

// name: due_with_priority
// The first due tasks of each served priority, as in `due_tasks`, at most $limit of each.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(due_key)
WHERE t.due_key > $floor_key AND t.due_key <= $now_key AND t.served_priority IS NOT NULL
WITH t ORDER BY t.due_key
WITH t.served_priority AS level, collect(t)[0..$limit] AS first
UNWIND first AS t
RETURN t, elementId(t) AS element_id

// name: any_priority
// A task with a served priority, if there is any.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(served_priority)
WHERE t.served_priority >= 0
RETURN t.task_id AS task_id LIMIT 1

// name: changed_priorities
// Tasks whose served priority is to be worked out again, at most $limit.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(priority_changed_ms)
WHERE t.priority_changed_ms > 0
RETURN t.task_id AS task_id ORDER BY t.priority_changed_ms LIMIT $limit

// name: note_priorities
// Note which tasks that others depend on may have another served priority now, since these have changed or ended.
UNWIND $rows AS r
MATCH (x:scheduled_task {task_id: r.task_id})
USING INDEX SEEK x:scheduled_task(task_id)
MATCH (x)-[:DEPENDS_ON]->(o:scheduled_task)
SET o.fence = coalesce(o.fence, 0)
WITH r, x, o
WHERE o.status IN ['PENDING', 'ACTIVE']
  AND (coalesce(o.served_priority, 5) > coalesce(o.priority, 5)
    OR x.status IN ['PENDING', 'ACTIVE'] AND coalesce(x.served_priority, 5) > coalesce(o.served_priority, 5))
SET o.priority_changed_ms = r.at_ms
RETURN DISTINCT r.row AS row

// name: note_own_priorities
// The same of tasks whose own priority has changed, if any other depends on them.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
MATCH (:scheduled_task)-[:DEPENDS_ON]->(t)
SET t.priority_changed_ms = r.at_ms
RETURN DISTINCT r.row AS row

// name: inherit_priorities
// Serve tasks with the highest priority among their own and those of the open tasks that depend on them.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0), t.priority_changed_ms = null
WITH r, t
WHERE t.status IN ['PENDING', 'ACTIVE']
OPTIONAL MATCH (x:scheduled_task)-[:DEPENDS_ON]->(t)
WHERE x.status IN ['PENDING', 'ACTIVE']
WITH r, t, coalesce(t.priority, 5) AS own, max(CASE WHEN x.task_id IS NULL THEN null ELSE coalesce(x.served_priority, 5) END) AS asked
WITH r, t, CASE WHEN asked > own THEN asked ELSE own END AS served
WHERE served <> coalesce(t.served_priority, 5)
WITH r, t, served, t.next_run_ms - (served - 5) * 900000 AS place_ms
WITH r, t, served, CASE WHEN place_ms < 0 THEN 0 ELSE place_ms END AS place_ms
SET t.fence = t.fence + 1, t.served_priority = CASE WHEN served = 5 THEN null ELSE served END,
    t.wait_index_key = left(t.wait_index_key, size(t.wait_index_key) - size(t.task_id) - 16)
      + right('00000000000000' + toString(place_ms), 15) + '|' + t.task_id
RETURN r.row AS row

// name: next_run
// The earliest moment that any task with a due key above $floor_key is armed for.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(due_key)
WHERE t.due_key > $floor_key
RETURN CASE WHEN t.wait_key IS NULL THEN t.next_run_ms ELSE t.due_key / 1000000 END AS next_run_ms ORDER BY t.due_key LIMIT 1

// name: due_tasks_of_shards
// The same of some shards only: those whose due key ends in one of $shards, by its last three digits.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(due_key)
WHERE t.due_key > $floor_key AND t.due_key <= $now_key AND t.due_key % 1000 IN $shards
RETURN t, elementId(t) AS element_id ORDER BY t.due_key LIMIT $limit

// name: due_without_priority_of_shards
// The same as `due_tasks_of_shards` of those without a served priority.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(due_key)
WHERE t.due_key > $floor_key AND t.due_key <= $now_key AND t.due_key % 1000 IN $shards AND t.served_priority IS NULL
RETURN t, elementId(t) AS element_id ORDER BY t.due_key LIMIT $limit

// name: due_with_priority_of_shards
// The same as `due_with_priority` of some shards only.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(due_key)
WHERE t.due_key > $floor_key AND t.due_key <= $now_key AND t.due_key % 1000 IN $shards AND t.served_priority IS NOT NULL
WITH t ORDER BY t.due_key
WITH t.served_priority AS level, collect(t)[0..$limit] AS first
UNWIND first AS t
RETURN t, elementId(t) AS element_id

// name: next_run_of_shards
// The earliest moment that any task of $shards with a due key above $floor_key is armed for.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(due_key)
WHERE t.due_key > $floor_key AND t.due_key % 1000 IN $shards
RETURN CASE WHEN t.wait_key IS NULL THEN t.next_run_ms ELSE t.due_key / 1000000 END AS next_run_ms ORDER BY t.due_key LIMIT 1

// name: retire_tasks
// End tasks whose last occurrence is settled, if the settling execution still has its fence and no addition came since.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})-[:EXECUTION_OF]->(t:scheduled_task)
USING INDEX SEEK e:task_execution(execution_id)
SET t.fence = coalesce(t.fence, 0)
WITH e, t, r
WHERE e.fence = r.fence AND t.status = 'ACTIVE' AND t.next_run_ms IS NULL
  AND coalesce(t.additions, '') = coalesce(r.additions, '')
SET t.status = r.status, t.fence = t.fence + 1, t.status_index_key = r.status + '|' + t.task_type + '|' + t.task_id
RETURN r.row AS row

// name: cancelled_tasks
// Those of $task_ids that were cancelled.
UNWIND $task_ids AS task_id
MATCH (t:scheduled_task {task_id: task_id})
WHERE t.status = 'CANCELLED'
RETURN t.task_id AS task_id

// name: cancel_tasks
// End open tasks that owe no moment an outcome, or whose moments were accounted for just now; write who ended them.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r, t.status AS before, t.next_run_ms AS armed_ms
WHERE before IN ['PENDING', 'ACTIVE'] AND t.fence = coalesce(r.if_fence, t.fence) AND (
  t.fence = r.task_fence OR coalesce(armed_ms > r.at_ms, true) AND coalesce(t.nominal_ms > r.at_ms, true)
    AND (t.deferral_id IS NULL OR coalesce(t.defer_until > datetime({epochMillis: r.at_ms}), true))
)
SET t.fence = t.fence + 1, t.status = 'CANCELLED', t.next_run_ms = null, t.due_key = null, t.nominal_ms = null,
    t.deferral_id = null, t.status_index_key = 'CANCELLED|' + t.task_type + '|' + t.task_id, t.cron_index_key = null,
    t.check_at_ms = null, t.question_id = null, t.question = null,
    t.paused_at = null, t.paused_until = null, t.pause_reason = null, t.on_missed = null,
    t.wait_key = null, t.waits_since_ms = null, t.wait_reason = null, t.wait_index_key = null
CREATE (c:task_change {
  change_id: r.change_id, task_id: r.task_id, action: r.action, at: datetime({epochMillis: r.at_ms}),
  surface: r.surface, actor: r.actor, reason: r.reason, thought_id: r.thought_id,
  before: '{"status":"' + before + '","next_run_ms":' + coalesce(toString(armed_ms), 'null') + '}',
  after: '{"status":"CANCELLED","next_run_ms":null}',
  idempotency_key: r.idempotency_key, request_digest: r.request_digest
})-[:CHANGE_OF]->(t)
RETURN r.row AS row, before, t.task_type AS task_type, t.schedule_cron AS schedule_cron

// name: edit_tasks
// Change open tasks that are still as they were read: pause them, resume them or update their fields; write who did it.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r
WHERE t.fence = r.fence AND t.status IN ['PENDING', 'ACTIVE']
SET t += r.task, t.fence = r.fence + 1,
    t.defer_until = CASE WHEN r.defer_until_ms IS NULL THEN null ELSE datetime({epochMillis: r.defer_until_ms}) END,
    t.paused_at = CASE WHEN r.paused_ms IS NULL THEN null ELSE datetime({epochMillis: r.paused_ms}) END,
    t.paused_until = CASE WHEN r.paused_until_ms IS NULL THEN null ELSE datetime({epochMillis: r.paused_until_ms}) END
CREATE (c:task_change {
  change_id: r.change_id, task_id: r.task_id, action: r.action, at: datetime({epochMillis: r.at_ms}),
  surface: r.surface, actor: r.actor, reason: r.reason, thought_id: r.thought_id, before: r.before, after: r.after,
  idempotency_key: r.idempotency_key, request_digest: r.request_digest
})-[:CHANGE_OF]->(t)
RETURN r.row AS row

// name: skip_unreadable
// Account for the moment that a task which cannot be read or planned stands at, before it is set aside.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.due_key = t.due_key
WITH t, r
WHERE t.next_run_ms IS NOT NULL
CREATE (e:task_execution {
  execution_id: r.execution_id, occurrence_key: r.occurrence_key, task_id: r.task_id,
  execution_type: r.execution_type, task_type: r.task_type, status: r.status, attempt: 1, occurrences: r.occurrences,
  nominal_at: datetime({epochMillis: r.nominal_ms}), last_nominal_at: datetime({epochMillis: r.last_nominal_ms}),
  triggered_at: datetime({epochMillis: r.triggered_ms}), completed_at: datetime({epochMillis: r.triggered_ms}),
  duration_seconds: 0.0, reason_code: r.reason_code, reason: r.reason, outcome_key: r.status + '|' + r.execution_id
})-[:EXECUTION_OF]->(t)
RETURN r.row AS row

// name: quarantine_tasks
// Take tasks that cannot be read out of the schedule, loudly, so that they never hold up the others.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.due_key = t.due_key
WITH t, r
WHERE t.next_run_ms IS NOT NULL OR t.paused_at IS NOT NULL
WITH t, r, t.status AS before, t.next_run_ms AS armed_ms
SET t.next_run_ms = null, t.due_key = null, t.status = 'FAILED',
    t.status_index_key = 'FAILED|' + t.task_type + '|' + t.task_id, t.cron_index_key = null,
    t.paused_at = null, t.paused_until = null, t.check_at_ms = null, t.question_id = null, t.question = null,
    t.wait_key = null, t.waits_since_ms = null, t.wait_reason = null, t.wait_index_key = null
CREATE (c:task_change {
  change_id: r.change_id, task_id: r.task_id, action: 'quarantine', at: datetime({epochMillis: r.at_ms}),
  surface: 'scheduler', reason: r.reason,
  before: '{"status":"' + before + '","next_run_ms":' + coalesce(toString(armed_ms), 'null') + '}',
  after: '{"status":"FAILED","next_run_ms":null}'
})-[:CHANGE_OF]->(t)
RETURN r.row AS row, before, t.task_type AS task_type, t.schedule_cron AS schedule_cron

// name: disarm_unreadable
// Take nodes that have a due key, and no task_id or the one given, out of the schedule, and touch nothing else of them.
UNWIND $rows AS r
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(due_key)
WHERE t.due_key = r.due_key AND (t.task_id IS NULL OR t.task_id = r.task_id)
SET t.due_key = null
RETURN DISTINCT r.row AS row

// name: unlink_times
// Let go of the minutes that moved tasks were scheduled for.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})-[s:SCHEDULED_FOR]->(:time)
USING INDEX SEEK t:scheduled_task(task_id)
DELETE s
RETURN DISTINCT r.row AS row

// name: link_times
// Link moved tasks to the minute they are scheduled for now.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
MERGE (m:time {time_id: r.time_id})
  ON CREATE SET m.at = datetime({epochMillis: r.minute_ms})
CREATE (t)-[:SCHEDULED_FOR]->(m)
RETURN r.row AS row
