// name: oldest_executions
// Executions with an outcome that began before $before_ms, after the id $after_id, oldest first: those that may be rolled up.
// One stays of a task on which an open one depends: the last that ran, and those of the dependent's period or window.
// One that a follower of $followers counts stays until that has served it: its place in `watch` is beyond it, or names it.
MATCH (e:task_execution)
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.execution_id > $after_id AND e.execution_id < $before_id AND e.status <> 'running'
  AND e.retry_task_id IS NULL AND e.triggered_at < datetime({epochMillis: $before_ms})
  AND COUNT { (e)--() } = COUNT { (e)-[:EXECUTION_OF|CREATED_THOUGHT|RETRY_OF|SPAWNED_BY]-() }
  AND NOT EXISTS {
    MATCH (again:task_execution)-[:RETRY_OF]->(e)
    WHERE again.triggered_at >= datetime({epochMillis: $before_ms}) OR again.status = 'running'
  }
  AND NOT EXISTS {
    MATCH (e)-[:EXECUTION_OF]->(other:scheduled_task)<-[needs:DEPENDS_ON]-(waits:scheduled_task)
    WHERE waits.status IN ['PENDING', 'ACTIVE'] AND (
      e.triggered_at >= other.last_triggered_at
      OR e.nominal_at.epochMillis >= CASE
        WHEN needs.window_ms IS NULL THEN coalesce(waits.joined_ms, waits.created_at.epochMillis)
        ELSE waits.nominal_ms - needs.window_ms END
    )
  }
  AND NOT (
    e.execution_type <> 'manual_trigger'
    AND any(f IN $followers WHERE f.task_id = e.task_id AND f.statuses CONTAINS e.status
      AND f.since_ms <= e.completed_at.epochMillis AND f.floor_ms <= e.nominal_at.epochMillis
      AND NOT f.served CONTAINS '"' + e.execution_id + '"')
    AND NOT EXISTS { MATCH (:task_execution)-[:RETRY_OF]->(e) }
  )
RETURN e.execution_id AS execution_id, e.task_id AS task_id, e.thought_id AS thought_id, e.occurrences AS occurrences,
       e.nominal_at AS nominal_at
ORDER BY e.execution_id LIMIT $limit

// name: open_followers
// The open tasks that follow others: whom, since when, what counts, and what they have served.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(check_at_ms)
WHERE t.check_at_ms >= 0 AND t.runs_after_id IS NOT NULL
RETURN t.runs_after_id AS task_id, t.check_at_ms AS since_ms, t.schedule_spec AS schedule_spec, t.watch AS watch

// name: begin_roll_up
// Write who begins to roll up what is older than a moment.
UNWIND $rows AS r
CREATE (c:task_change {
  change_id: r.change_id, action: r.action, at: datetime({epochMillis: r.at_ms}), surface: r.surface, actor: r.actor,
  after: r.after
})
RETURN r.row AS row

// name: roll_up_executions
// Lock the summary of a task's day, look again, add up what is still there, and delete exactly that.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
MERGE (s:execution_summary {summary_id: r.summary_id})
  ON CREATE SET s.task_id = r.task_id, s.day = r.day
SET s.roll_ups = coalesce(s.roll_ups, 0) + 1
MERGE (s)-[:SUMMARY_OF]->(t)
WITH r, s
UNWIND r.execution_ids AS execution_id
MATCH (e:task_execution {execution_id: execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.status <> 'running'
WITH r.row AS row, s, e, e.last_nominal_at IS NULL AS began,
     (e.triggered_at.epochMillis - e.nominal_at.epochMillis) / 1000.0 AS late
WITH row, s, collect(e) AS old, count(e) AS executions, sum(e.occurrences) AS occurrences,
     sum(CASE WHEN began THEN 1 ELSE 0 END) AS runs,
     sum(CASE e.status WHEN '<outcome>' THEN e.occurrences ELSE 0 END) AS <outcome>,
     sum(CASE e.reason_code WHEN '<failure>' THEN 1 ELSE 0 END) AS <failure>,
     sum(coalesce(e.duration_seconds, 0.0)) AS duration_seconds,
     sum(CASE WHEN began THEN late ELSE 0.0 END) AS lateness_seconds,
     max(CASE WHEN began THEN late ELSE 0.0 END) AS latest,
     min(e.nominal_at.epochMillis) AS first_ms,
     max(coalesce(e.last_nominal_at, e.nominal_at).epochMillis) AS last_ms
SET s.executions = coalesce(s.executions, 0) + executions, s.runs = coalesce(s.runs, 0) + runs,
    s.occurrences = coalesce(s.occurrences, 0) + occurrences,
    s.<outcome> = coalesce(s.<outcome>, 0) + <outcome>,
    s.<failure> = coalesce(s.<failure>, 0) + <failure>,
    s.duration_seconds = coalesce(s.duration_seconds, 0.0) + duration_seconds,
    s.lateness_seconds = coalesce(s.lateness_seconds, 0.0) + lateness_seconds,
    s.lateness_max_seconds = CASE WHEN s.lateness_max_seconds > latest THEN s.lateness_max_seconds ELSE latest END,
    s.first_nominal_at = CASE WHEN s.first_nominal_at.epochMillis < first_ms THEN s.first_nominal_at
                              ELSE datetime({epochMillis: first_ms}) END,
    s.last_nominal_at = CASE WHEN s.last_nominal_at.epochMillis > last_ms THEN s.last_nominal_at
                             ELSE datetime({epochMillis: last_ms}) END
WITH row, old, executions
UNWIND old AS e
OPTIONAL MATCH (e)-[x:EXECUTION_OF|CREATED_THOUGHT|RETRY_OF|SPAWNED_BY]-()
DELETE x, e
RETURN DISTINCT row, executions

// name: delete_thoughts
// Delete thoughts that Remembrancer recorded and that nothing is linked to.
UNWIND $rows AS r
MATCH (h:thought {thought_id: r.thought_id})
USING INDEX SEEK h:thought(thought_id)
WHERE h.recorded_by = 'remembrancer'
SET h.recorded_by = 'remembrancer'
WITH h, r
WHERE NOT EXISTS { (h)--() }
DELETE h
RETURN r.row AS row

// name: summaries
// The summaries of executions that were rolled up: of one task, or of all where $task_id is null; the latest day first.
MATCH (s:execution_summary)
WHERE s.summary_id IS NOT NULL AND ($task_id IS NULL OR s.task_id = $task_id)
RETURN s ORDER BY s.day DESC, s.task_id LIMIT $limit
