// name: due_backlog
// How many tasks are due above $floor_key and up to $now_key, $limit at most, and the earliest of their moments.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(due_key)
WHERE t.due_key > $floor_key AND t.due_key <= $now_key
WITH t ORDER BY t.due_key LIMIT $limit
RETURN count(t) AS due, min(CASE WHEN t.wait_key IS NULL THEN t.next_run_ms ELSE t.due_key / 1000000 END) AS oldest_ms

// name: lease_state
// How many leases there are, how many of them had ended by $now_ms, and the earliest moment at which one ends.
MATCH (l:execution_lease)
WHERE l.lease_id IS NOT NULL
RETURN count(l) AS leases, sum(CASE WHEN l.until_ms <= $now_ms THEN 1 ELSE 0 END) AS overdue,
       min(l.until_ms) AS oldest_ms

// name: parked_tasks
// How many tasks wait with a wait index key above $above and below $below, $limit at most, and since when the first of them.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(wait_index_key)
WHERE t.wait_index_key > $above AND t.wait_index_key < $below
WITH t LIMIT $limit
RETURN count(t) AS tasks, min(t.waits_since_ms) AS since_ms

// name: retries_ahead
// How many next attempts wait for a moment after $floor_ms, $limit at most.
MATCH (e:task_execution)
USING INDEX SEEK e:task_execution(retry_due_ms)
WHERE e.retry_due_ms > $floor_ms
WITH e LIMIT $limit
RETURN count(e) AS attempts

// name: open_dead_letters
// How many dead letters there are, $limit at most, and how many failures they count.
MATCH (d:dead_letter)
WHERE d.dead_letter_id IS NOT NULL
WITH d LIMIT $limit
RETURN count(d) AS dead_letters, sum(d.failures) AS failures

// name: probe_write
// Write what stands there already: a graph that cannot be written refuses it, another one stays as it is.
UNWIND $rows AS r
MATCH (g:remembrancer_graph {marker: 'remembrancer'})
SET g.schema_version = g.schema_version
RETURN r.row AS row

// name: rolled_up
// How many executions that ran have been rolled up.
MATCH (s:execution_summary) WHERE s.summary_id IS NOT NULL RETURN sum(s.runs) AS runs
