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

// name: number_commit
// Add what one commit did to the counters of its writer, and number it: by the number a lost answer is looked up.
UNWIND $rows AS r
MERGE (c:scheduler_counter {counter_id: r.counter_id})
SET c.commit_number = r.commit_number,
    c.tasks_created = coalesce(c.tasks_created, 0) + r.tasks_created,
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
RETURN r.row AS row

// name: last_commit
// The number of a writer's last commit, read under its lock: one that is still being committed is waited for.
UNWIND $rows AS r
MERGE (c:scheduler_counter {counter_id: r.counter_id})
SET c.looked_up = coalesce(c.looked_up, 0) + 1
WITH c, r
RETURN r.row AS row, coalesce(c.commit_number, 0) AS commit_number

// name: fold_counters
// Add the counters of writers that have ended to another counter, and forget the writers.
UNWIND $rows AS r
MATCH (c:scheduler_counter {counter_id: r.counter_id})
MERGE (all:scheduler_counter {counter_id: r.into})
SET all.tasks_created = coalesce(all.tasks_created, 0) + coalesce(c.tasks_created, 0),
    all.tasks_completed = coalesce(all.tasks_completed, 0) + coalesce(c.tasks_completed, 0),
    all.tasks_failed = coalesce(all.tasks_failed, 0) + coalesce(c.tasks_failed, 0),
    all.tasks_cancelled = coalesce(all.tasks_cancelled, 0) + coalesce(c.tasks_cancelled, 0),
    all.deferrals = coalesce(all.deferrals, 0) + coalesce(c.deferrals, 0),
    all.cron_triggers = coalesce(all.cron_triggers, 0) + coalesce(c.cron_triggers, 0),
    all.executions_started = coalesce(all.executions_started, 0) + coalesce(c.executions_started, 0),
    all.executions_completed = coalesce(all.executions_completed, 0) + coalesce(c.executions_completed, 0),
    all.executions_failed = coalesce(all.executions_failed, 0) + coalesce(c.executions_failed, 0),
    all.occurrences_dropped = coalesce(all.occurrences_dropped, 0) + coalesce(c.occurrences_dropped, 0),
    all.execution_seconds = coalesce(all.execution_seconds, 0.0) + coalesce(c.execution_seconds, 0.0)
DELETE c
RETURN r.row AS row

// name: counters
// What was counted since the graph was made, a row for each replica.
MATCH (c:scheduler_counter) RETURN c

// name: graph_version
// Which version of the schema this graph has, and which graph is being copied into it.
MATCH (g:remembrancer_graph)
RETURN g.version AS version, g.copying_from AS copying_from ORDER BY g.version DESC LIMIT 1

// name: set_graph_version
// Mark the graph as upgraded to $version.
MERGE (g:remembrancer_graph {graph_id: 'remembrancer'}) SET g.version = $version
