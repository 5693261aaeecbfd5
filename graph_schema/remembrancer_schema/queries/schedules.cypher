// name: recurring_tasks
// Armed or paused tasks with a status index key above $above and below $below that may follow one of $zones (null: any), by key.
MATCH (t:scheduled_task)
WHERE t.status_index_key > $above AND t.status_index_key < $below
  AND (t.next_run_ms IS NOT NULL OR t.paused_at IS NOT NULL)
  AND (t.task_type = 'recurring' OR t.wall_time IS NOT NULL)
  AND ($zones IS NULL OR t.timezone IN $zones OR t.schedule_spec IS NOT NULL)
RETURN t ORDER BY t.status_index_key LIMIT $limit

// name: zones_in_use
// The time zones that armed or paused tasks with a status index key above $above and below $below follow.
MATCH (t:scheduled_task)
WHERE t.status_index_key > $above AND t.status_index_key < $below
  AND (t.next_run_ms IS NOT NULL OR t.paused_at IS NOT NULL)
  AND (t.task_type = 'recurring' OR t.wall_time IS NOT NULL)
RETURN DISTINCT t.timezone AS zone

// name: rearm_tasks
// Arm tasks for another moment of their schedules, if they still stand as read, and write why.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
SET t.fence = coalesce(t.fence, 0)
WITH t, r, t.nominal_ms AS nominal_ms
WHERE t.fence = r.fence AND t.status IN ['PENDING', 'ACTIVE']
  AND (t.next_run_ms = r.expected_ms OR t.next_run_ms IS NULL AND r.expected_ms IS NULL)
SET t += r.task, t.fence = r.fence + 1,
    t.defer_until = CASE WHEN r.defer_until_ms IS NULL THEN t.defer_until ELSE datetime({epochMillis: r.defer_until_ms}) END
CREATE (c:task_change {
  change_id: r.change_id, task_id: r.task_id, action: 'rearm', at: datetime({epochMillis: r.at_ms}),
  surface: r.surface, actor: r.actor, reason: r.reason,
  before: '{"next_run_ms":' + coalesce(toString(r.expected_ms), 'null') +
    ',"nominal_ms":' + coalesce(toString(nominal_ms), 'null') + '}',
  after: '{"next_run_ms":' + coalesce(toString(r.task.next_run_ms), 'null') + ',"nominal_ms":' + toString(r.task.nominal_ms) + '}'
})-[:CHANGE_OF]->(t)
RETURN r.row AS row

// name: missed_ahead
// What is recorded as missed of the tasks $task_ids and reaches beyond $now_ms, oldest first.
UNWIND $task_ids AS task_id
MATCH (e:task_execution)-[:EXECUTION_OF]->(t:scheduled_task {task_id: task_id})
WHERE e.status = 'missed' AND e.last_nominal_at > datetime({epochMillis: $now_ms})
RETURN task_id, e.execution_id AS execution_id, e.nominal_at.epochMillis AS first_ms,
       e.last_nominal_at.epochMillis AS last_ms, e.occurrences AS occurrences, e.triggered_at.epochMillis AS triggered_ms
ORDER BY execution_id

// name: shorten_missed
// Take back what is recorded as missed of moments that are ahead again, if their tasks were armed for them just now.
UNWIND $rows AS r
MATCH (c:task_change {change_id: r.change_id})
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.status = 'missed' AND e.occurrences = r.before
SET e.occurrences = r.occurrences, e.last_nominal_at = datetime({epochMillis: r.last_ms})
RETURN r.row AS row

// name: erase_missed
// The same where nothing of the record stays.
UNWIND $rows AS r
MATCH (c:task_change {change_id: r.change_id})
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.status = 'missed' AND e.occurrences = r.before
OPTIONAL MATCH (e)-[x]-()
DELETE x, e
RETURN DISTINCT r.row AS row

// name: kept_rules
// The rules of each time zone by which tasks were armed, as a node, their edition, and the readings of the kinds of schedules.
OPTIONAL MATCH (g:remembrancer_graph {marker: 'remembrancer'})
OPTIONAL MATCH (z:zone_rules)
RETURN z, g.rules_edition AS edition, g.schedule_readings AS readings

// name: create_zone_rules
// Keep the rules of time zones that have none yet: others stay, and the edition grows, as a task was armed by other rules.
UNWIND $rows AS r
MERGE (z:zone_rules {zone: r.zone})
  ON CREATE SET z.fingerprint = r.fingerprint, z.rules = r.rules, z.version = r.version
WITH z, r
OPTIONAL MATCH (g:remembrancer_graph {marker: 'remembrancer'})
WHERE z.fingerprint <> r.fingerprint
SET g.rules_edition = coalesce(g.rules_edition, 0) + 1
RETURN r.row AS row

// name: write_zone_rules
// Keep the rules of time zones, in place of those that are there, and their edition.
UNWIND $rows AS r
MERGE (z:zone_rules {zone: r.zone})
SET z.fingerprint = r.fingerprint, z.rules = r.rules, z.version = r.version
WITH z, r
OPTIONAL MATCH (g:remembrancer_graph {marker: 'remembrancer'})
SET g.rules_edition = r.edition
RETURN r.row AS row

// name: write_readings
// Keep the readings of the kinds of schedules by which tasks are armed from now on.
UNWIND $rows AS r
MATCH (g:remembrancer_graph {marker: 'remembrancer'})
SET g.schedule_readings = r.readings
RETURN r.row AS row
