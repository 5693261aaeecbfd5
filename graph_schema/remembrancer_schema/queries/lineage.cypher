// name: story_of_task
// From the thought that made a task to everything that became of it.
MATCH (t:scheduled_task {task_id: $task_id})-[:CREATED_BY]->(origin:thought)
USING INDEX SEEK t:scheduled_task(task_id)
OPTIONAL MATCH (e:task_execution)-[:EXECUTION_OF]->(t)
OPTIONAL MATCH (e)-[:CREATED_THOUGHT]->(made:thought)
RETURN origin.thought_id AS origin_thought, t.name AS task, e.execution_id AS execution, e.status AS status,
       e.nominal_at AS nominal_at, made.thought_id AS created_thought
ORDER BY e.execution_id

// name: thought_to_deferral
// Walk thought → task → execution → thought → deferral: decisions to wait, and the thoughts that led there.
MATCH (origin:thought)<-[:CREATED_BY]-(t:scheduled_task)<-[:EXECUTION_OF]-(e:task_execution)
      -[:CREATED_THOUGHT]->(made:thought)<-[:REQUESTED_BY]-(d:task_deferral)-[:DEFERRAL_OF]->(later:scheduled_task)
RETURN origin.thought_id AS origin_thought, t.name AS task, e.execution_id AS execution,
       made.thought_id AS created_thought, d.reason AS reason, later.name AS deferred_task
ORDER BY e.execution_id
