-- A commit copies every page that it touches: with the engine's own pages (64 KB, 256 KB for an index) a single write
-- takes more than half as long again. Half this size would save a twentieth more, and make compactions come twice as
-- often. This holds for what is made from here on, in this graph.
ALTER DATABASE `arcadedb.indexDefaultPageSize` 32768;
ALTER DATABASE `arcadedb.bucketDefaultPageSize` 16384;
-- The embedded engine wants its types declared. Everything that is looked up has a typed property and an index;
-- SKIP leaves nulls out, which makes the due index sparse: an unarmed task costs nothing.
CREATE VERTEX TYPE remembrancer_graph IF NOT EXISTS;
-- Of each page, 8 KB are a directory, whatever its size. Executions are written one behind the other, and each fire adds
-- to the edges of its task: with larger pages these two take little more than half the disk, and half the page cache,
-- which is what a graph with a million executions runs short of.
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
CREATE VERTEX TYPE scheduler_counter IF NOT EXISTS;
CREATE VERTEX TYPE scheduler_replica IF NOT EXISTS;
-- Edges are full ones: LIGHTWEIGHT edges cost a tenth less to write, but all of a type share one element id, and
-- whoever draws a graph from a driver's answer would see a single edge.
CREATE EDGE TYPE CREATED_BY IF NOT EXISTS;
CREATE EDGE TYPE SCHEDULED_FOR IF NOT EXISTS;
CREATE EDGE TYPE EXECUTION_OF IF NOT EXISTS;
CREATE EDGE TYPE CREATED_THOUGHT IF NOT EXISTS;
CREATE EDGE TYPE DEFERRAL_OF IF NOT EXISTS;
CREATE EDGE TYPE REQUESTED_BY IF NOT EXISTS;
CREATE EDGE TYPE RETRY_OF IF NOT EXISTS;
CREATE EDGE TYPE CHANGE_OF IF NOT EXISTS;
CREATE PROPERTY remembrancer_graph.marker IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.task_id IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.due_key IF NOT EXISTS LONG;
CREATE PROPERTY scheduled_task.dedup_key IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.deferred_task_id IF NOT EXISTS STRING;
CREATE PROPERTY task_execution.execution_id IF NOT EXISTS STRING;
CREATE PROPERTY task_deferral.deferral_id IF NOT EXISTS STRING;
CREATE PROPERTY task_change.change_id IF NOT EXISTS STRING;
CREATE PROPERTY thought.thought_id IF NOT EXISTS STRING;
CREATE PROPERTY time.time_id IF NOT EXISTS STRING;
CREATE PROPERTY execution_lease.lease_id IF NOT EXISTS STRING;
CREATE PROPERTY scheduler_counter.counter_id IF NOT EXISTS STRING;
CREATE PROPERTY scheduler_replica.replica_id IF NOT EXISTS STRING;
CREATE INDEX IF NOT EXISTS ON remembrancer_graph (marker) UNIQUE;
CREATE INDEX IF NOT EXISTS ON scheduled_task (task_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON scheduled_task (due_key) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON scheduled_task (dedup_key) UNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON scheduled_task (deferred_task_id) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON task_deferral (deferral_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON task_change (change_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON thought (thought_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON time (time_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON execution_lease (lease_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON scheduler_counter (counter_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON scheduler_replica (replica_id) UNIQUE;
-- This one grows with every fire. A compaction comes every few pages, and each twentieth one writes the whole index
-- anew: with eight times the page an eighth as often. The occurrence key needs none beside it: the id is made of it.
ALTER DATABASE `arcadedb.indexDefaultPageSize` 262144;
CREATE INDEX IF NOT EXISTS ON task_execution (execution_id) UNIQUE;
ALTER DATABASE `arcadedb.indexDefaultPageSize` 32768;
