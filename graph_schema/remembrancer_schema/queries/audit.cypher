// name: changes_of_task
// The audit trail of one task, oldest first.
MATCH (c:task_change)-[:CHANGE_OF]->(t:scheduled_task {task_id: $task_id})
USING INDEX SEEK t:scheduled_task(task_id)
RETURN c ORDER BY c.at, c.change_id

// name: request_by_key
// What was done for the request with the $idempotency_key: the first of the tasks that it made, or the change.
MATCH (t:scheduled_task {dedup_key: $dedup_key})
USING INDEX SEEK t:scheduled_task(dedup_key)
WHERE t.request_digest IS NOT NULL
RETURN t.request_digest AS digest, t.task_id AS task_id, 'create' AS action, null AS after
UNION ALL
MATCH (c:task_change {idempotency_key: $idempotency_key})
USING INDEX SEEK c:task_change(idempotency_key)
RETURN c.request_digest AS digest, c.task_id AS task_id, c.action AS action, c.after AS after

// name: edited_tasks
// The tasks that one request has edited among many: its key is $key, those below it are between $above and $below.
MATCH (c:task_change {idempotency_key: $key})-[:CHANGE_OF]->(t:scheduled_task)
USING INDEX SEEK c:task_change(idempotency_key)
WHERE c.request_digest = $digest
RETURN t.task_id AS task_id, t.name AS name
UNION ALL
MATCH (c:task_change)-[:CHANGE_OF]->(t:scheduled_task)
USING INDEX SEEK c:task_change(idempotency_key)
WHERE c.idempotency_key > $above AND c.idempotency_key < $below AND c.request_digest = $digest
RETURN t.task_id AS task_id, t.name AS name

// name: changes_between
// The audit trail of all tasks and of the graph, after the change $after_id and before $before_id, oldest first, as nodes.
MATCH (c:task_change)
USING INDEX SEEK c:task_change(change_id)
WHERE c.change_id > $after_id AND c.change_id < $before_id
RETURN c ORDER BY c.change_id LIMIT $limit

// name: tasks_between
// Tasks in the order in which they were made, after the task $after_id and before $before_id, as nodes.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(task_id)
WHERE t.task_id > $after_id AND t.task_id < $before_id
RETURN t ORDER BY t.task_id LIMIT $limit
