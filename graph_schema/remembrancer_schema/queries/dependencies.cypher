// name: dependency_edition
// The edition of the dependencies: it grows with each edit that adds one to a task which was there before.
MATCH (g:remembrancer_graph {marker: 'remembrancer'})
RETURN coalesce(g.dependency_edition, 0) AS edition

// name: path_between
// The shortest path by which a task waits for another one, through dependencies and tasks that follow others.
MATCH (a:scheduled_task {task_id: $source})
USING INDEX SEEK a:scheduled_task(task_id)
MATCH (b:scheduled_task {task_id: $target})
USING INDEX SEEK b:scheduled_task(task_id)
MATCH p = shortestPath((a)-[:DEPENDS_ON|RUNS_AFTER*]->(b))
RETURN [n IN nodes(p) | n.task_id] AS ids, [n IN nodes(p) | n.name] AS names, [n IN nodes(p) | n.status] AS statuses

// name: related_tasks
// Those of $ids that are there, by name and status.
UNWIND $ids AS id
MATCH (t:scheduled_task {task_id: id})
USING INDEX SEEK t:scheduled_task(task_id)
RETURN t.task_id AS task_id, t.name AS name, t.status AS status

// name: waited_for
// The tasks for which those of $ids wait, by dependencies or as their followers.
UNWIND $ids AS id
MATCH (t:scheduled_task {task_id: id})
USING INDEX SEEK t:scheduled_task(task_id)
MATCH (t)-[:DEPENDS_ON|RUNS_AFTER]->(o:scheduled_task)
RETURN id AS task_id, o.task_id AS other_id, o.name AS name, o.status AS status

// name: dependents_of
// The open tasks that depend on one of $ids.
UNWIND $ids AS id
MATCH (o:scheduled_task {task_id: id})
USING INDEX SEEK o:scheduled_task(task_id)
MATCH (t:scheduled_task)-[d:DEPENDS_ON]->(o)
WHERE t.status IN ['PENDING', 'ACTIVE']
RETURN id AS other_id, t.task_id AS task_id, t.name AS name, t.status AS status, d.on_failure AS on_failure
ORDER BY task_id

// name: dependency_outcomes
// The tasks of $sought, and their executions with an id from one on up to another, and those that stand in for some of these.
UNWIND $sought AS s
MATCH (d:scheduled_task {task_id: s.task_id})
USING INDEX SEEK d:scheduled_task(task_id)
MATCH (e:task_execution)-[:EXECUTION_OF]->(d)
WHERE e.execution_id >= s.low_id
  AND (e.execution_id < s.high_id OR e.execution_type IN ['manual_trigger', 'deferred_trigger'] OR e.cause = 'backfill')
  OR e.execution_id < s.low_id AND e.last_nominal_at.epochMillis >= s.low_ms
RETURN s.place AS place, e.execution_id AS execution_id, e.execution_type AS execution_type,
       CASE WHEN e.retry_task_id IS NULL THEN e.status ELSE 'running' END AS status,
       coalesce(e.attempt, 1) AS attempt, coalesce(e.occurrences, 1) AS occurrences,
       e.nominal_at.epochMillis AS nominal_ms, e.completed_at.epochMillis AS completed_ms, e.reason_code AS reason_code,
       e.cause AS cause, e.cause_detail AS cause_detail,
       CASE WHEN $whole THEN e.reason ELSE left(e.reason, 200) END AS reason, CASE WHEN $whole THEN e.result END AS result

// name: latest_outcomes
// When the last occurrence of each task of $sought was, of those before a time.
UNWIND $sought AS s
MATCH (d:scheduled_task {task_id: s.task_id})
USING INDEX SEEK d:scheduled_task(task_id)
MATCH (e:task_execution)-[:EXECUTION_OF]->(d)
WHERE e.execution_id < s.high_id AND e.execution_type <> 'manual_trigger'
RETURN s.place AS place, max(e.nominal_at.epochMillis) AS nominal_ms

// name: link_dependencies
// Let new tasks depend on others.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
MATCH (o:scheduled_task {task_id: r.other_id})
USING INDEX SEEK o:scheduled_task(task_id)
CREATE (t)-[d:DEPENDS_ON {on_failure: r.on_failure}]->(o)
SET d.window_ms = r.window_ms
RETURN r.row AS row

// name: advance_dependencies
// Lock the dependencies of the graph, and begin the next edition, if the one that was checked is still in force.
UNWIND $rows AS r
MATCH (g:remembrancer_graph {marker: 'remembrancer'})
SET g.dependency_edition = coalesce(g.dependency_edition, 0)
WITH g, r
WHERE g.dependency_edition = r.edition
SET g.dependency_edition = r.edition + 1, g.dependency_change_id = r.change_id
RETURN r.row AS row

// name: refuse_former_edition
// End the whole commit, by a second node with the id of a task, if it was checked against dependencies that have changed.
UNWIND $rows AS r
MATCH (g:remembrancer_graph {marker: 'remembrancer'})
WHERE coalesce(g.dependency_change_id, '') <> r.change_id
CREATE (:scheduled_task {task_id: r.task_id})
RETURN r.row AS row

// name: unlink_dependencies
// Let tasks that were changed just now depend on none.
UNWIND $rows AS r
MATCH (c:task_change {change_id: r.change_id})
MATCH (t:scheduled_task {task_id: r.task_id})-[d:DEPENDS_ON]->(o:scheduled_task)
USING INDEX SEEK t:scheduled_task(task_id)
SET o.priority_changed_ms = CASE WHEN coalesce(o.served_priority, 5) > coalesce(o.priority, 5)
  THEN c.at.epochMillis ELSE o.priority_changed_ms END
DELETE d
RETURN DISTINCT r.row AS row

// name: link_changed_dependencies
// Let tasks that were changed just now depend on others.
UNWIND $rows AS r
MATCH (c:task_change {change_id: r.change_id})
MATCH (t:scheduled_task {task_id: r.task_id})
MATCH (o:scheduled_task {task_id: r.other_id})
CREATE (t)-[d:DEPENDS_ON {on_failure: r.on_failure}]->(o)
SET d.window_ms = r.window_ms
RETURN r.row AS row
