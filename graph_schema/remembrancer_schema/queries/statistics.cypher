// name: counter_nodes
// The lifetime and hourly statistics that exist under the $keys, as nodes.
UNWIND $keys AS key
MATCH (n:lifetime_statistics {counter_id: key})
USING INDEX SEEK n:lifetime_statistics(counter_id)
RETURN n
UNION ALL
UNWIND $keys AS key
MATCH (n:hourly_statistics {hour_id: key})
USING INDEX SEEK n:hourly_statistics(hour_id)
RETURN n

// name: write_statistics
// Write the statistics and the events of one commit; nothing unless the counter still has the number of the last commit.
// It comes last in its commit, and the stream of events last in it: numbering on locks the stream until the commit.
UNWIND $rows AS r
MERGE (c:lifetime_statistics {counter_id: r.counter_id})
WITH c, r
WHERE r.commit_before IS NULL OR coalesce(c.commit_number, 0) = r.commit_before
SET c += r.counted, c.counted_ms = timestamp()
FOREACH (x IN r.hours | MERGE (h:hourly_statistics {hour_id: x.hour_id}) SET h += x.counted)
FOREACH (x IN r.crons |
  MERGE (k:cron_expression {expression: x.expression}) SET k.open_tasks = coalesce(k.open_tasks, 0) + x.tasks)
FOREACH (x IN r.batches |
  MERGE (s:event_stream {stream: x.stream}) ON CREATE SET s.oldest = 1
  SET s.newest = coalesce(s.newest, 0) + x.count
  CREATE (:event_batch {
    batch_key: x.stream * 1000000000000 + s.newest, stream: x.stream, newest: s.newest, count: x.count, at_ms: x.at_ms,
    events: x.events, events_compressed: x.events_compressed
  }))
RETURN r.row AS row

// name: last_commit
// The number of a writer's last commit, read under its lock: one that is still being committed is waited for.
UNWIND $rows AS r
MERGE (c:lifetime_statistics {counter_id: r.counter_id})
SET c.commit_lookups = coalesce(c.commit_lookups, 0) + 1
WITH c, r
RETURN r.row AS row,
       CASE WHEN c.commit_number < 0 THEN c.last_commit_number ELSE coalesce(c.commit_number, 0) END AS commit_number

// name: idle_counters
// Counters of writers that have not committed for $idle_ms.
MATCH (c:lifetime_statistics)
WHERE c.counter_id <> $into AND coalesce(c.counted_ms, 0) < timestamp() - $idle_ms
RETURN c.counter_id AS counter_id, c.commit_number < 0 AS rolled_up

// name: roll_up_hours
// Add the hours of idle writers to those of another counter, and delete them; the counter is locked first.
UNWIND $rows AS r
MATCH (c:lifetime_statistics {counter_id: r.counter_id})
USING INDEX SEEK c:lifetime_statistics(counter_id)
SET c.commit_lookups = coalesce(c.commit_lookups, 0) + 1
WITH c, r
WHERE coalesce(c.counted_ms, 0) < timestamp() - r.idle_ms
MATCH (h:hourly_statistics)
USING INDEX SEEK h:hourly_statistics(hour_id)
WHERE h.hour_id STARTS WITH r.counter_id + '|'
MERGE (all:hourly_statistics {hour_id: r.into + '|' + toString(h.hour_ms / 3600000) + '|' + h.task_type})
SET all.roll_ups = coalesce(all.roll_ups, 0) + 1
WITH r, h, all
SET all.hour_ms = h.hour_ms, all.task_type = h.task_type,
    all.<hourly_counter> = coalesce(all.<hourly_counter>, 0) + coalesce(h.<hourly_counter>, 0),
    all.longest_delay_ms = CASE WHEN coalesce(h.longest_delay_ms, 0) > coalesce(all.longest_delay_ms, 0)
                                THEN h.longest_delay_ms ELSE all.longest_delay_ms END,
    all.delays = CASE WHEN all.delays IS NULL THEN h.delays WHEN h.delays IS NULL THEN all.delays
                      ELSE [i IN range(0, size(h.delays) - 1) | all.delays[i] + h.delays[i]] END,
    all.failure_texts = coalesce(all.failure_texts, []) + coalesce(h.failure_texts, []),
    all.failure_text_counts = coalesce(all.failure_text_counts, []) + coalesce(h.failure_text_counts, []),
    all.deferral_texts = coalesce(all.deferral_texts, []) + coalesce(h.deferral_texts, []),
    all.deferral_text_counts = coalesce(all.deferral_text_counts, []) + coalesce(h.deferral_text_counts, [])
DELETE h
RETURN DISTINCT r.row AS row

// name: roll_up_counters
// Add the counters of idle writers to another counter; the number of the last commit stays.
UNWIND $rows AS r
MATCH (c:lifetime_statistics {counter_id: r.counter_id})
USING INDEX SEEK c:lifetime_statistics(counter_id)
SET c.commit_lookups = coalesce(c.commit_lookups, 0) + 1
WITH c, r
WHERE coalesce(c.counted_ms, 0) < timestamp() - r.idle_ms
MERGE (all:lifetime_statistics {counter_id: r.into})
SET all.roll_ups = coalesce(all.roll_ups, 0) + 1
WITH r, c, all
SET all.error_texts = coalesce(all.error_texts, []) + coalesce(c.error_texts, []),
    all.<lifetime_counter> = coalesce(all.<lifetime_counter>, 0) + coalesce(c.<lifetime_counter>, 0),
    all.error_text_counts = coalesce(all.error_text_counts, []) + coalesce(c.error_text_counts, []),
    all.most_deferred_task_id = CASE WHEN coalesce(c.most_deferrals, 0) > coalesce(all.most_deferrals, 0)
                                     THEN c.most_deferred_task_id ELSE all.most_deferred_task_id END
SET all.most_deferrals = CASE WHEN coalesce(c.most_deferrals, 0) > coalesce(all.most_deferrals, 0)
                              THEN c.most_deferrals ELSE all.most_deferrals END
WITH r, c, c.counted_ms AS counted_ms,
     CASE WHEN c.commit_number < 0 THEN c.last_commit_number ELSE coalesce(c.commit_number, 0) END AS last_commit_number
SET c = {counter_id: r.counter_id, commit_number: -1, last_commit_number: last_commit_number, counted_ms: counted_ms}
RETURN r.row AS row

// name: delete_counters
// Delete what is left of counters that were rolled up, once no writer can come back to them.
UNWIND $rows AS r
MATCH (c:lifetime_statistics {counter_id: r.counter_id})
USING INDEX SEEK c:lifetime_statistics(counter_id)
SET c.commit_lookups = coalesce(c.commit_lookups, 0) + 1
WITH c, r
WHERE c.commit_number < 0 AND coalesce(c.counted_ms, 0) < timestamp() - r.idle_ms
DELETE c
RETURN r.row AS row

// name: hours_since
// What was counted in the UTC hours from $since_ms to $until_ms, of the $types, a row for each hour, type and writer.
MATCH (h:hourly_statistics)
USING INDEX SEEK h:hourly_statistics(hour_ms)
WHERE h.hour_ms >= $since_ms AND h.hour_ms <= $until_ms AND h.task_type IN $types
RETURN h

// name: cron_usage
// The cron expressions that most open tasks follow.
MATCH (x:cron_expression)
WHERE x.open_tasks > 0 AND x.expression IS NOT NULL
RETURN x.expression AS expression, x.open_tasks AS tasks ORDER BY tasks DESC, expression LIMIT $limit

// name: counters
// What was counted since the graph was made, a row for each replica.
MATCH (c:lifetime_statistics) WHERE c.counter_id IS NOT NULL RETURN c
