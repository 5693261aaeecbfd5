// name: park_tasks
// Take due tasks whose occurrences wait for something out of the due index, if they still stand as read; they keep their place.
// One with a deadline is in it for that.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r
WHERE t.fence = r.fence AND t.next_run_ms = r.next_run_ms AND t.status IN ['PENDING', 'ACTIVE']
SET t.fence = r.fence + 1, t.due_key = r.due_key, t.wait_key = r.wait_key, t.waits_since_ms = r.waits_since_ms,
    t.wait_reason = r.wait_reason, t.wait_index_key = r.wait_index_key
RETURN r.row AS row

// name: wake_tasks
// Let tasks that wait be due again, if they still stand as read.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0)
WITH t, r
WHERE t.fence = r.fence AND t.next_run_ms = r.next_run_ms AND t.wait_key IS NOT NULL
SET t.fence = r.fence + 1, t.due_key = r.due_key,
    t.wait_key = null, t.waits_since_ms = null, t.wait_reason = null, t.wait_index_key = null
RETURN r.row AS row

// name: waits_between
// Tasks that wait, with a wait index key above $above and below $below, the next to be served first, at most $limit: as nodes, and where.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(wait_index_key)
WHERE t.wait_index_key > $above AND t.wait_index_key < $below
RETURN t, elementId(t) AS element_id ORDER BY t.wait_index_key LIMIT $limit
