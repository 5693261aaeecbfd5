// name: bump_counters
// Add what one commit did to the counters of its replica.
UNWIND $rows AS r
MERGE (c:scheduler_counter {counter_id: r.counter_id})
SET c.tasks_created = coalesce(c.tasks_created, 0) + r.tasks_created,
    c.tasks_completed = coalesce(c.tasks_completed, 0) + r.tasks_completed,
    c.tasks_failed = coalesce(c.tasks_failed, 0) + r.tasks_failed,
    c.tasks_cancelled = coalesce(c.tasks_cancelled, 0) + r.tasks_cancelled,
    c.deferrals = coalesce(c.deferrals, 0) + r.deferrals,
    c.cron_triggers = coalesce(c.cron_triggers, 0) + r.cron_triggers,
    c.executions_started = coalesce(c.executions_started, 0) + r.executions_started,
    c.executions_completed = coalesce(c.executions_completed, 0) + r.executions_completed,
    c.executions_failed = coalesce(c.executions_failed, 0) + r.executions_failed,
    c.occurrences_dropped = coalesce(c.occurrences_dropped, 0) + r.occurrences_dropped,
    c.execution_seconds = coalesce(c.execution_seconds, 0.0) + r.execution_seconds
RETURN c.counter_id AS counter_id

// name: counters
// What was counted since the graph was made, a row for each replica.
MATCH (c:scheduler_counter) RETURN c

// name: graph_version
// Which version of the schema this graph has, and since when.
MATCH (g:remembrancer_graph) RETURN g.version AS version ORDER BY g.version DESC LIMIT 1

// name: set_graph_version
// Mark the graph as upgraded to $version.
MERGE (g:remembrancer_graph {graph_id: 'remembrancer'}) SET g.version = $version
