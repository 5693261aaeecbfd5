// What is asked often is kept as sums by the hour, and lists by status or cron expression are read from an index.
CREATE CONSTRAINT remembrancer_hour_id IF NOT EXISTS FOR (n:scheduler_hour) REQUIRE n.hour_id IS UNIQUE;
CREATE CONSTRAINT remembrancer_expression IF NOT EXISTS FOR (n:cron_expression) REQUIRE n.expression IS UNIQUE;
CREATE INDEX remembrancer_hour_ms IF NOT EXISTS FOR (n:scheduler_hour) ON (n.hour_ms);
CREATE INDEX remembrancer_listing IF NOT EXISTS FOR (n:scheduled_task) ON (n.listing);
CREATE INDEX remembrancer_cron_listing IF NOT EXISTS FOR (n:scheduled_task) ON (n.cron_listing);
CREATE CONSTRAINT remembrancer_token_name IF NOT EXISTS FOR (n:access_token) REQUIRE n.name IS UNIQUE;
CREATE CONSTRAINT remembrancer_token_digest IF NOT EXISTS FOR (n:access_token) REQUIRE n.digest IS UNIQUE;
