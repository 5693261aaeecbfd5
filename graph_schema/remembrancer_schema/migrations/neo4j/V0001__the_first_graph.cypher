// Community edition knows uniqueness constraints only. Nulls are in no index, so the due index is sparse by itself.
CREATE CONSTRAINT remembrancer_marker IF NOT EXISTS FOR (n:remembrancer_graph) REQUIRE n.marker IS UNIQUE;
CREATE CONSTRAINT remembrancer_task_id IF NOT EXISTS FOR (n:scheduled_task) REQUIRE n.task_id IS UNIQUE;
CREATE CONSTRAINT remembrancer_dedup_key IF NOT EXISTS FOR (n:scheduled_task) REQUIRE n.dedup_key IS UNIQUE;
CREATE CONSTRAINT remembrancer_execution_id IF NOT EXISTS FOR (n:task_execution) REQUIRE n.execution_id IS UNIQUE;
CREATE CONSTRAINT remembrancer_occurrence_key IF NOT EXISTS FOR (n:task_execution) REQUIRE n.occurrence_key IS UNIQUE;
CREATE CONSTRAINT remembrancer_deferral_id IF NOT EXISTS FOR (n:task_deferral) REQUIRE n.deferral_id IS UNIQUE;
CREATE CONSTRAINT remembrancer_change_id IF NOT EXISTS FOR (n:task_change) REQUIRE n.change_id IS UNIQUE;
CREATE CONSTRAINT remembrancer_time_id IF NOT EXISTS FOR (n:time) REQUIRE n.time_id IS UNIQUE;
CREATE CONSTRAINT remembrancer_lease_id IF NOT EXISTS FOR (n:execution_lease) REQUIRE n.lease_id IS UNIQUE;
CREATE CONSTRAINT remembrancer_counter_id IF NOT EXISTS FOR (n:scheduler_counter) REQUIRE n.counter_id IS UNIQUE;
CREATE CONSTRAINT remembrancer_replica_id IF NOT EXISTS FOR (n:scheduler_replica) REQUIRE n.replica_id IS UNIQUE;
CREATE CONSTRAINT remembrancer_thought_id IF NOT EXISTS FOR (n:thought) REQUIRE n.thought_id IS UNIQUE;
CREATE INDEX remembrancer_due_key IF NOT EXISTS FOR (n:scheduled_task) ON (n.due_key);
CREATE INDEX remembrancer_deferred_task_id IF NOT EXISTS FOR (n:scheduled_task) ON (n.deferred_task_id);
