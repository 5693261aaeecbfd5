// name: recount
// What the nodes say of what the statistics count: tasks, deferrals, executions and occurrences, those rolled up too.
CALL () {
  MATCH (t:scheduled_task) WHERE t.task_id IS NOT NULL RETURN count(t) AS tasks_created
}
CALL () {
  MATCH (d:task_deferral) WHERE d.deferral_id IS NOT NULL RETURN count(d) AS deferrals
}
CALL () {
  MATCH (e:task_execution) WHERE e.execution_id IS NOT NULL
  RETURN sum(CASE WHEN e.last_nominal_at IS NULL THEN 1 ELSE 0 END) AS started,
         sum(CASE WHEN e.last_nominal_at IS NULL AND e.status = 'completed' THEN 1 ELSE 0 END) AS completed,
         sum(CASE WHEN e.last_nominal_at IS NULL AND e.status = 'failed' THEN 1 ELSE 0 END) AS failed,
         sum(CASE WHEN e.last_nominal_at IS NULL AND NOT coalesce(e.status, '') IN [
           'running', 'completed', 'failed', 'deferred', 'cancelled'] THEN 1 ELSE 0 END) AS odd,
         sum(CASE WHEN e.last_nominal_at IS NULL THEN 0 ELSE e.occurrences END) AS dropped
}
CALL () {
  MATCH (s:execution_summary) WHERE s.summary_id IS NOT NULL
  RETURN sum(s.runs) AS rolled, sum(s.completed) AS rolled_completed, sum(s.failed) AS rolled_failed,
         sum(s.occurrences - s.runs) AS rolled_dropped
}
RETURN tasks_created, deferrals, coalesce(odd, 0) AS odd, coalesce(started, 0) + coalesce(rolled, 0) AS executions_started,
       coalesce(completed, 0) + coalesce(rolled_completed, 0) AS executions_completed,
       coalesce(failed, 0) + coalesce(rolled_failed, 0) AS executions_failed,
       coalesce(dropped, 0) + coalesce(rolled_dropped, 0) AS occurrences_dropped

// name: ends_of_<edge>
// Of the next $limit nodes labelled <source> with a key above $after: which <target> each is linked to, and which it names.
MATCH (a:<source>) WHERE a.<source_key> > $after
WITH a ORDER BY a.<source_key> LIMIT $limit
OPTIONAL MATCH (a)-[:<edge>]->(b)
WITH a, collect(b.<target_key>) AS targets, count(b) AS linked
RETURN a.<source_key> AS source, <named> AS named, targets, linked ORDER BY source

// name: without_<edge>
// How many nodes labelled <source> are linked to nothing by <edge>.
MATCH (a:<source>) WHERE a.<source_key> IS NOT NULL
OPTIONAL MATCH (a)-[x:<edge>]->(b:<target>)
WITH a, count(x) AS linked WHERE linked = 0
RETURN count(a) AS size

// name: nodes_in_all_<label>
// How many nodes are labelled <label>, those without a key too.
MATCH (n:<label>) RETURN count(n) AS size

// name: delete_unreadable_<label>
// Delete nodes labelled <label> that cannot be read, with their edges: what they held is kept in a file.
UNWIND $rows AS r
MATCH (n:<label> {<key>: r.key})
DETACH DELETE n
RETURN DISTINCT r.row AS row

// name: delete_unreadable_tokens
// Delete tokens that cannot be read, and open nothing: what they held is kept in a file.
UNWIND $rows AS r
MATCH (k:access_token {name: r.key})
DETACH DELETE k
RETURN DISTINCT r.row AS row

// name: replace_batches
// In place of batches of events that cannot be read or are missing, say that it is so: their numbers stay taken.
UNWIND $rows AS r
MERGE (b:event_batch {batch_key: r.key})
SET b.stream = r.stream, b.newest = r.newest, b.count = r.count, b.at_ms = r.at_ms, b.events = r.events, b.events_compressed = null
RETURN r.row AS row

// name: set_derived
// Write the index keys of tasks, as they follow from their other properties.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
SET t.due_key = r.due_key, t.status_index_key = r.status_index_key, t.cron_index_key = r.cron_index_key,
    t.wait_index_key = r.wait_index_key
RETURN r.row AS row

// name: misserved_tasks
// Open tasks that are served with another priority than the highest of their own and those of the open tasks that depend on them.
MATCH (t:scheduled_task)
WHERE t.status IN ['PENDING', 'ACTIVE'] AND t.priority_changed_ms IS NULL
OPTIONAL MATCH (x:scheduled_task)-[:DEPENDS_ON]->(t)
WHERE x.status IN ['PENDING', 'ACTIVE']
WITH t, coalesce(t.served_priority, 5) AS served, coalesce(t.priority, 5) AS own,
     max(CASE WHEN x.task_id IS NULL THEN null ELSE coalesce(x.served_priority, 5) END) AS asked
WHERE served <> CASE WHEN asked > own THEN asked ELSE own END
RETURN t.task_id AS task_id ORDER BY task_id LIMIT $limit

// name: delete_statistics
// Delete all statistics: they are counted again from the nodes, in the same commit.
UNWIND $rows AS r
MATCH (n) WHERE n:lifetime_statistics OR n:hourly_statistics OR n:cron_expression
DETACH DELETE n
RETURN DISTINCT r.row AS row

// name: restore_graph
// A restored graph is another one: it has an id of its own, and its audit trail says who restored it from what.
UNWIND $rows AS r
MATCH (g:remembrancer_graph)
SET g.graph_id = coalesce(r.graph_id, g.graph_id)
CREATE (c:task_change {
  change_id: r.change_id, action: r.action, at: datetime({epochMillis: r.at_ms}), surface: r.surface, actor: r.actor,
  after: r.after
})
RETURN r.row AS row

// name: record_repair
// Write who repaired a graph, and what it has lost.
UNWIND $rows AS r
CREATE (c:task_change {
  change_id: r.change_id, action: r.action, at: datetime({epochMillis: r.at_ms}), surface: r.surface, actor: r.actor,
  reason: r.reason, after: r.after
})
RETURN r.row AS row

// name: end_all_leases
// End all leases of a restored graph: what was running is recovered.
UNWIND $rows AS r
MATCH (l:execution_lease) WHERE l.lease_id IS NOT NULL
SET l.until_ms = 0
RETURN DISTINCT r.row AS row

// name: delete_replicas
// Delete the replicas of a restored graph: none of them works on it.
UNWIND $rows AS r
MATCH (p:scheduler_replica)
DELETE p
RETURN DISTINCT r.row AS row
