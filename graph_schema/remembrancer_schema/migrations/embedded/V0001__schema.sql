-- The embedded engine wants its types declared. Each property that a query looks up has a type and an index.
-- A commit copies every page that it touches. With the engine's own page sizes (64 KB, and 256 KB for an index) a
-- single write takes more than half as long again. Half of these sizes would save a twentieth more, and compactions
-- would come twice as often. A page size holds for what is created after it, in this graph.
ALTER DATABASE `arcadedb.indexDefaultPageSize` 32768;
ALTER DATABASE `arcadedb.bucketDefaultPageSize` 16384;
CREATE VERTEX TYPE remembrancer_graph IF NOT EXISTS;
-- Of each page, 8 KB are a directory, whatever its size. Executions are written in sequence, and each fire adds to the
-- edges of its task: with larger pages these two take little more than half the disk, and half the page cache, which is
-- the first to run short in a graph with a million executions.
ALTER DATABASE `arcadedb.bucketDefaultPageSize` 32768;
CREATE VERTEX TYPE scheduled_task IF NOT EXISTS;
ALTER DATABASE `arcadedb.bucketDefaultPageSize` 65536;
CREATE VERTEX TYPE task_execution IF NOT EXISTS;
ALTER DATABASE `arcadedb.bucketDefaultPageSize` 16384;
CREATE VERTEX TYPE task_deferral IF NOT EXISTS;
CREATE VERTEX TYPE task_change IF NOT EXISTS;
CREATE VERTEX TYPE thought IF NOT EXISTS;
CREATE VERTEX TYPE time IF NOT EXISTS;
CREATE VERTEX TYPE execution_lease IF NOT EXISTS;
CREATE VERTEX TYPE execution_summary IF NOT EXISTS;
CREATE VERTEX TYPE lifetime_statistics IF NOT EXISTS;
CREATE VERTEX TYPE hourly_statistics IF NOT EXISTS;
CREATE VERTEX TYPE cron_expression IF NOT EXISTS;
CREATE VERTEX TYPE access_token IF NOT EXISTS;
CREATE VERTEX TYPE named_calendar IF NOT EXISTS;
CREATE VERTEX TYPE task_template IF NOT EXISTS;
CREATE VERTEX TYPE dead_letter IF NOT EXISTS;
CREATE VERTEX TYPE lineage IF NOT EXISTS;
CREATE VERTEX TYPE event_stream IF NOT EXISTS;
CREATE VERTEX TYPE event_batch IF NOT EXISTS;
CREATE VERTEX TYPE zone_rules IF NOT EXISTS;
CREATE VERTEX TYPE concurrency_limit IF NOT EXISTS;
CREATE VERTEX TYPE scheduler_replica IF NOT EXISTS;
-- LIGHTWEIGHT edges cost a tenth less to write, but all edges of a type would share one element id: a client that draws
-- a graph from a driver's answer would see a single edge.
CREATE EDGE TYPE CREATED_BY IF NOT EXISTS;
CREATE EDGE TYPE SCHEDULED_FOR IF NOT EXISTS;
CREATE EDGE TYPE RUNS_AFTER IF NOT EXISTS;
CREATE EDGE TYPE DEPENDS_ON IF NOT EXISTS;
CREATE EDGE TYPE EXECUTION_OF IF NOT EXISTS;
CREATE EDGE TYPE CREATED_THOUGHT IF NOT EXISTS;
CREATE EDGE TYPE DEFERRAL_OF IF NOT EXISTS;
CREATE EDGE TYPE REQUESTED_BY IF NOT EXISTS;
CREATE EDGE TYPE FOLLOWS_DEFERRAL IF NOT EXISTS;
CREATE EDGE TYPE RETRY_OF IF NOT EXISTS;
CREATE EDGE TYPE DEAD_LETTER_OF IF NOT EXISTS;
CREATE EDGE TYPE CHANGE_OF IF NOT EXISTS;
CREATE EDGE TYPE SUMMARY_OF IF NOT EXISTS;
CREATE EDGE TYPE USES_CALENDAR IF NOT EXISTS;
CREATE EDGE TYPE FOLLOWS IF NOT EXISTS;
CREATE EDGE TYPE FROM_TEMPLATE IF NOT EXISTS;
CREATE EDGE TYPE SPAWNED_BY IF NOT EXISTS;
CREATE EDGE TYPE STARTED_BY IF NOT EXISTS;
CREATE PROPERTY remembrancer_graph.marker IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.task_id IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.due_key IF NOT EXISTS LONG;
CREATE PROPERTY scheduled_task.dedup_key IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.deferred_task_id IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.status_index_key IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.cron_index_key IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.check_at_ms IF NOT EXISTS LONG;
CREATE PROPERTY scheduled_task.question_id IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.lineage_id IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.wait_index_key IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.served_priority IF NOT EXISTS LONG;
CREATE PROPERTY scheduled_task.priority_changed_ms IF NOT EXISTS LONG;
CREATE PROPERTY task_execution.execution_id IF NOT EXISTS STRING;
CREATE PROPERTY task_execution.outcome_key IF NOT EXISTS STRING;
CREATE PROPERTY task_execution.retry_due_ms IF NOT EXISTS LONG;
CREATE PROPERTY task_execution.retry_task_id IF NOT EXISTS STRING;
CREATE PROPERTY task_deferral.deferral_id IF NOT EXISTS STRING;
CREATE PROPERTY task_change.change_id IF NOT EXISTS STRING;
CREATE PROPERTY task_change.idempotency_key IF NOT EXISTS STRING;
CREATE PROPERTY thought.thought_id IF NOT EXISTS STRING;
CREATE PROPERTY time.time_id IF NOT EXISTS STRING;
CREATE PROPERTY execution_lease.lease_id IF NOT EXISTS STRING;
CREATE PROPERTY execution_summary.summary_id IF NOT EXISTS STRING;
CREATE PROPERTY lifetime_statistics.counter_id IF NOT EXISTS STRING;
CREATE PROPERTY hourly_statistics.hour_id IF NOT EXISTS STRING;
CREATE PROPERTY hourly_statistics.hour_ms IF NOT EXISTS LONG;
CREATE PROPERTY cron_expression.expression IF NOT EXISTS STRING;
CREATE PROPERTY access_token.name IF NOT EXISTS STRING;
CREATE PROPERTY access_token.digest IF NOT EXISTS STRING;
CREATE PROPERTY named_calendar.name IF NOT EXISTS STRING;
CREATE PROPERTY task_template.name IF NOT EXISTS STRING;
CREATE PROPERTY dead_letter.dead_letter_id IF NOT EXISTS STRING;
CREATE PROPERTY concurrency_limit.limit_key IF NOT EXISTS STRING;
CREATE PROPERTY lineage.lineage_id IF NOT EXISTS STRING;
CREATE PROPERTY lineage.exhausted_ms IF NOT EXISTS LONG;
CREATE PROPERTY event_stream.stream IF NOT EXISTS LONG;
CREATE PROPERTY event_batch.batch_key IF NOT EXISTS LONG;
CREATE PROPERTY zone_rules.zone IF NOT EXISTS STRING;
CREATE PROPERTY scheduler_replica.replica_id IF NOT EXISTS STRING;
-- SKIP leaves nulls out, which makes the due index sparse: an unarmed task costs nothing.
CREATE INDEX IF NOT EXISTS ON remembrancer_graph (marker) UNIQUE;
CREATE INDEX IF NOT EXISTS ON scheduled_task (task_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON scheduled_task (due_key) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON scheduled_task (dedup_key) UNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON scheduled_task (deferred_task_id) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON scheduled_task (status_index_key) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON scheduled_task (cron_index_key) NOTUNIQUE NULL_STRATEGY SKIP;
-- Only a task that a handler scheduled has a lineage of its own accord.
CREATE INDEX IF NOT EXISTS ON scheduled_task (lineage_id) NOTUNIQUE NULL_STRATEGY SKIP;
-- A completed execution has no such key, and costs nothing here.
CREATE INDEX IF NOT EXISTS ON task_execution (outcome_key) NOTUNIQUE NULL_STRATEGY SKIP;
-- Nor has any that no other attempt is to follow one of these two.
CREATE INDEX IF NOT EXISTS ON task_execution (retry_due_ms) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON task_execution (retry_task_id) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON scheduled_task (check_at_ms) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON scheduled_task (question_id) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON scheduled_task (wait_index_key) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON scheduled_task (served_priority) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON scheduled_task (priority_changed_ms) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON task_deferral (deferral_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON task_change (change_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON task_change (idempotency_key) UNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON thought (thought_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON time (time_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON execution_lease (lease_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON execution_summary (summary_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON lifetime_statistics (counter_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON hourly_statistics (hour_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON hourly_statistics (hour_ms) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON cron_expression (expression) UNIQUE;
CREATE INDEX IF NOT EXISTS ON access_token (name) UNIQUE;
CREATE INDEX IF NOT EXISTS ON access_token (digest) UNIQUE;
CREATE INDEX IF NOT EXISTS ON named_calendar (name) UNIQUE;
CREATE INDEX IF NOT EXISTS ON task_template (name) UNIQUE;
CREATE INDEX IF NOT EXISTS ON dead_letter (dead_letter_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON concurrency_limit (limit_key) UNIQUE;
CREATE INDEX IF NOT EXISTS ON lineage (lineage_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON lineage (exhausted_ms) NOTUNIQUE NULL_STRATEGY SKIP;
-- The event log reads the newest end of these two, from a known key on: they do not age.
CREATE INDEX IF NOT EXISTS ON event_stream (stream) UNIQUE;
CREATE INDEX IF NOT EXISTS ON event_batch (batch_key) UNIQUE;
CREATE INDEX IF NOT EXISTS ON zone_rules (zone) UNIQUE;
CREATE INDEX IF NOT EXISTS ON scheduler_replica (replica_id) UNIQUE;
-- This index grows with every fire. A compaction comes every few pages, and each twentieth one rewrites the whole
-- index: with eight times the page, an eighth as often. The occurrence key needs no index, as the id is made of it.
ALTER DATABASE `arcadedb.indexDefaultPageSize` 262144;
CREATE INDEX IF NOT EXISTS ON task_execution (execution_id) UNIQUE;
ALTER DATABASE `arcadedb.indexDefaultPageSize` 32768;
