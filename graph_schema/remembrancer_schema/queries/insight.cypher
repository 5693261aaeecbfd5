// name: outcomes
// How occurrences ended, by outcome, those rolled up too; a burst counts as all the occurrences it stands for.
CALL () {
  MATCH (e:task_execution)
  RETURN e.status AS status, sum(e.occurrences) AS ended
  UNION ALL
  MATCH (s:execution_summary)
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
  MATCH (e:task_execution)-[:EXECUTION_OF]->(t:scheduled_task)
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
  MATCH (e:task_execution)
  RETURN substring(toString(e.nominal_at), 0, 10) AS day, e.task_id AS task_id, e.status AS status,
         sum(e.occurrences) AS ended
  UNION ALL
  MATCH (s:execution_summary)
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
WHERE NOT e.status IN ['completed', 'running']
RETURN t.name AS task, e.status AS status, e.reason_code AS reason_code, e.reason AS reason,
       e.occurrences AS occurrences, e.nominal_at AS nominal_at
ORDER BY e.execution_id DESC LIMIT $limit

// name: upcoming
// What comes next: armed tasks in the order of their next run.
MATCH (t:scheduled_task)
WHERE t.due_key > $now_ms * 1000000
RETURN t.task_id AS task_id, t.name AS task, t.schedule_cron AS schedule_cron, t.next_run_ms AS next_run_ms
ORDER BY t.due_key LIMIT $limit

// name: deferral_reasons
// Why tasks were put off, the most common reason first.
MATCH (d:task_deferral)
RETURN d.reason AS reason, count(d) AS deferrals ORDER BY deferrals DESC, reason

// name: history_edges
// The whole memory of the scheduler as edges, to draw or to load into NetworkX.
MATCH (a)-[r]->(b)
WHERE type(r) IN ['CREATED_BY', 'SCHEDULED_FOR', 'EXECUTION_OF', 'CREATED_THOUGHT', 'DEFERRAL_OF', 'REQUESTED_BY',
                  'RETRY_OF', 'CHANGE_OF', 'SUMMARY_OF']
RETURN labels(a)[0] AS source_kind,
       coalesce(a.execution_id, a.summary_id, a.deferral_id, a.change_id, a.task_id, a.thought_id, a.time_id) AS source,
       type(r) AS kind, labels(b)[0] AS target_kind,
       coalesce(b.execution_id, b.deferral_id, b.change_id, b.task_id, b.thought_id, b.time_id) AS target
LIMIT $limit
