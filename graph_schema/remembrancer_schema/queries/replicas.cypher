// name: graph_version
// Which version of the schema this graph has (null: it is older than the first release), and the source of a copy into it.
MATCH (g:remembrancer_graph {marker: 'remembrancer'}) RETURN g.schema_version AS version, g.copy_source AS copy_source

// name: set_graph_version
// Mark the graph as upgraded to $version; a graph without a marker is given one, and $graph_id as its id.
MERGE (g:remembrancer_graph {marker: 'remembrancer'})
  ON CREATE SET g.graph_id = $graph_id, g.created_at = datetime({epochMillis: timestamp()})
SET g.schema_version = $version

// name: cluster_snapshot
// Which graph this is, its server's clock, the next run (of all tasks, and of $shards), and a row for each replica.
CALL () {
  MATCH (t:scheduled_task)
  USING INDEX SEEK t:scheduled_task(due_key)
  WHERE t.due_key > $floor_key
  WITH t ORDER BY t.due_key LIMIT 1
  RETURN min(CASE WHEN t.wait_key IS NULL THEN t.next_run_ms ELSE t.due_key / 1000000 END) AS next_run_ms
}
CALL () {
  MATCH (t:scheduled_task)
  USING INDEX SEEK t:scheduled_task(due_key)
  WHERE t.due_key > $shards_floor_key AND t.due_key % 1000 IN $shards
  WITH t ORDER BY t.due_key LIMIT 1
  RETURN min(CASE WHEN t.wait_key IS NULL THEN t.next_run_ms ELSE t.due_key / 1000000 END) AS next_run_of_shards_ms
}
OPTIONAL MATCH (g:remembrancer_graph {marker: 'remembrancer'})
OPTIONAL MATCH (p:scheduler_replica)
RETURN g.graph_id AS graph_id, g.rules_edition AS rules_edition, timestamp() AS now_ms, next_run_ms, next_run_of_shards_ms, p

// name: graph_size
// How many tasks and executions there are, by the engine's own count.
CALL () {
  MATCH (t:scheduled_task) RETURN count(t) AS tasks
}
CALL () {
  MATCH (e:task_execution) RETURN count(e) AS executions
}
RETURN tasks, executions

// name: counted_size
// How many tasks and executions there are, each counted one by one, up to $limit of each.
CALL () {
  MATCH (t:scheduled_task) WITH t LIMIT $limit RETURN count(t.task_id) AS tasks
}
CALL () {
  MATCH (e:task_execution) WITH e LIMIT $limit RETURN count(e.execution_id) AS executions
}
RETURN tasks, executions

// name: write_heartbeats
// Write that replicas are alive.
UNWIND $rows AS r
MERGE (p:scheduler_replica {replica_id: r.replica_id})
SET p.started_at = datetime({epochMillis: r.started_ms}), p.heartbeat_at = datetime({epochMillis: r.heartbeat_ms}),
    p.host = r.host, p.pid = r.pid, p.version = r.version
RETURN r.row AS row

// name: deregister_replicas
// Delete replicas that have stopped, or whose last heartbeat is long ago.
UNWIND $rows AS r
MATCH (p:scheduler_replica {replica_id: r.replica_id})
USING INDEX SEEK p:scheduler_replica(replica_id)
DELETE p
RETURN r.row AS row
