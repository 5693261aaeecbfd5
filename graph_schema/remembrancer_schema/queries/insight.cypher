// name: outcomes
// How occurrences ended, by outcome, those rolled up too; a burst counts as all the occurrences it stands for.
CALL () {
  MATCH (e:task_execution) WHERE e.execution_id IS NOT NULL
  RETURN e.status AS status, sum(e.occurrences) AS ended
  UNION ALL
  MATCH (s:execution_summary) WHERE s.summary_id IS NOT NULL
  UNWIND [['completed', s.completed], ['failed', s.failed], ['skipped', s.skipped], ['missed', s.missed],
          ['superseded', s.superseded], ['deferred', s.deferred], ['cancelled', s.cancelled]] AS part
  RETURN part[0] AS status, sum(part[1]) AS ended
}
WITH status, sum(ended) AS occurrences
WHERE occurrences > 0
RETURN status, occurrences ORDER BY status

// name: outcomes_by_task
// How the occurrences of each task ended, those rolled up too.
CALL () {
  MATCH (e:task_execution)-[:EXECUTION_OF]->(t:scheduled_task) WHERE t.task_id IS NOT NULL
  RETURN t.name AS task, e.status AS status, sum(e.occurrences) AS ended
  UNION ALL
  MATCH (s:execution_summary)-[:SUMMARY_OF]->(t:scheduled_task)
  UNWIND [['completed', s.completed], ['failed', s.failed], ['skipped', s.skipped], ['missed', s.missed],
          ['superseded', s.superseded], ['deferred', s.deferred], ['cancelled', s.cancelled]] AS part
  RETURN t.name AS task, part[0] AS status, sum(part[1]) AS ended
}
WITH task, status, sum(ended) AS occurrences
WHERE occurrences > 0
RETURN task, status, occurrences ORDER BY task, status

// name: outcomes_by_day
// How the occurrences of each task and UTC day ended, those rolled up too; a burst counts on the day it began.
CALL () {
  MATCH (e:task_execution) WHERE e.execution_id IS NOT NULL
  RETURN substring(toString(e.nominal_at), 0, 10) AS day, e.task_id AS task_id, e.status AS status,
         sum(e.occurrences) AS ended
  UNION ALL
  MATCH (s:execution_summary) WHERE s.summary_id IS NOT NULL
  UNWIND [['completed', s.completed], ['failed', s.failed], ['skipped', s.skipped], ['missed', s.missed],
          ['superseded', s.superseded], ['deferred', s.deferred], ['cancelled', s.cancelled]] AS part
  RETURN s.day AS day, s.task_id AS task_id, part[0] AS status, sum(part[1]) AS ended
}
WITH day, task_id, status, sum(ended) AS occurrences
WHERE occurrences > 0
RETURN day, task_id, status, occurrences ORDER BY day, task_id, status

// name: why_not
// Every occurrence that did not simply succeed, with its reason, newest first.
MATCH (e:task_execution)-[:EXECUTION_OF]->(t:scheduled_task)
WHERE NOT e.status IN ['completed', 'running'] AND t.task_id IS NOT NULL
RETURN t.name AS task, e.status AS status, e.reason_code AS reason_code, e.reason AS reason,
       e.occurrences AS occurrences, e.nominal_at AS nominal_at
ORDER BY e.execution_id DESC LIMIT $limit

// name: tasks_by_prefix
// The tasks whose ids begin with $prefix, oldest first.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(task_id)
WHERE t.task_id >= $prefix AND t.task_id < $prefix + '~'
RETURN t.task_id AS task_id, t.name AS task, t.status AS status ORDER BY t.task_id LIMIT $limit

// name: upcoming
// What comes next: armed tasks in the order of their next run.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(due_key)
WHERE t.due_key > $now_ms * 1000000 AND t.task_id IS NOT NULL
RETURN t.task_id AS task_id, t.name AS task, t.schedule_cron AS schedule_cron, t.next_run_ms AS next_run_ms
ORDER BY t.due_key LIMIT $limit

// name: waits
// Tasks whose occurrence has come and waits for something: for what, and since when; those of one thing by the order in which they get it.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(wait_index_key)
WHERE t.wait_index_key > '' AND t.task_id IS NOT NULL
RETURN t.task_id AS task_id, t.name AS task, t.wait_key AS waits_for, t.waits_since_ms AS waits_since_ms, t.wait_reason AS reason
ORDER BY t.wait_index_key LIMIT $limit

// name: deferral_reasons
// Why tasks were put off, the most common reason first.
MATCH (d:task_deferral) WHERE d.deferral_id IS NOT NULL
RETURN d.reason AS reason, count(d) AS deferrals ORDER BY deferrals DESC, reason

// name: deferral_chains
// Runs that were put off again and again: their last deferral, how many came in a row, and since when; the longest first.
MATCH (d:task_deferral)-[:DEFERRAL_OF]->(t:scheduled_task)
WHERE d.chain_place > 1 AND t.task_id IS NOT NULL
  AND NOT EXISTS { MATCH (later:task_deferral)-[:FOLLOWS_DEFERRAL]->(d) }
RETURN t.task_id AS task_id, t.name AS task, d.deferral_id AS deferral_id, d.chain_place AS deferrals,
       datetime({epochMillis: d.chain_since_ms}) AS since, d.deferred_until AS until, d.reason AS reason
ORDER BY d.chain_place DESC, d.deferral_id LIMIT $limit

// name: chain_of_deferral
// A deferral and those before it in its chain, the first of them first.
MATCH (d:task_deferral {deferral_id: $deferral_id})-[:FOLLOWS_DEFERRAL*0..]->(before:task_deferral)
USING INDEX SEEK d:task_deferral(deferral_id)
RETURN before.deferral_id AS deferral_id, before.chain_place AS place, before.deferred_at AS deferred_at,
       before.deferred_until AS deferred_until, before.reason AS reason ORDER BY before.chain_place

// name: history_edges
// The whole memory of the scheduler as edges, to draw or to load into NetworkX; no edge that others keep under its names.
MATCH (a)-[r:CREATED_BY|SCHEDULED_FOR|EXECUTION_OF|CREATED_THOUGHT|DEFERRAL_OF|REQUESTED_BY|RETRY_OF|CHANGE_OF|SUMMARY_OF|FOLLOWS_DEFERRAL]->(b)
WITH a, b, type(r) AS kind, CASE type(r)
  WHEN 'CREATED_BY' THEN ['scheduled_task', 'thought'] WHEN 'SCHEDULED_FOR' THEN ['scheduled_task', 'time']
  WHEN 'EXECUTION_OF' THEN ['task_execution', 'scheduled_task'] WHEN 'CREATED_THOUGHT' THEN ['task_execution', 'thought']
  WHEN 'DEFERRAL_OF' THEN ['task_deferral', 'scheduled_task'] WHEN 'REQUESTED_BY' THEN ['task_deferral', 'thought']
  WHEN 'FOLLOWS_DEFERRAL' THEN ['task_deferral', 'task_deferral']
  WHEN 'RETRY_OF' THEN ['task_execution', 'task_execution'] WHEN 'CHANGE_OF' THEN ['task_change', 'scheduled_task']
  ELSE ['execution_summary', 'scheduled_task'] END AS ends
WHERE ends[0] IN labels(a) AND ends[1] IN labels(b)
WITH kind, ends,
     CASE ends[0] WHEN 'scheduled_task' THEN a.task_id WHEN 'task_execution' THEN a.execution_id
                  WHEN 'task_deferral' THEN a.deferral_id WHEN 'task_change' THEN a.change_id
                  ELSE a.summary_id END AS source,
     CASE ends[1] WHEN 'scheduled_task' THEN b.task_id WHEN 'task_execution' THEN b.execution_id
                  WHEN 'thought' THEN b.thought_id WHEN 'task_deferral' THEN b.deferral_id ELSE b.time_id END AS target
WHERE source IS NOT NULL AND target IS NOT NULL
RETURN ends[0] AS source_kind, source, kind, ends[1] AS target_kind, target
LIMIT $limit
