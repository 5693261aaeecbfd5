-- What is asked often is kept as sums by the hour, and lists by status or cron expression are read from an index.
CREATE VERTEX TYPE scheduler_hour IF NOT EXISTS;
CREATE VERTEX TYPE cron_expression IF NOT EXISTS;
CREATE PROPERTY scheduler_hour.hour_id IF NOT EXISTS STRING;
CREATE PROPERTY scheduler_hour.hour_ms IF NOT EXISTS LONG;
CREATE PROPERTY cron_expression.expression IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.listing IF NOT EXISTS STRING;
CREATE PROPERTY scheduled_task.cron_listing IF NOT EXISTS STRING;
CREATE INDEX IF NOT EXISTS ON scheduler_hour (hour_id) UNIQUE;
CREATE INDEX IF NOT EXISTS ON scheduler_hour (hour_ms) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON cron_expression (expression) UNIQUE;
CREATE INDEX IF NOT EXISTS ON scheduled_task (listing) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE INDEX IF NOT EXISTS ON scheduled_task (cron_listing) NOTUNIQUE NULL_STRATEGY SKIP;
CREATE VERTEX TYPE access_token IF NOT EXISTS;
CREATE PROPERTY access_token.name IF NOT EXISTS STRING;
CREATE PROPERTY access_token.digest IF NOT EXISTS STRING;
CREATE INDEX IF NOT EXISTS ON access_token (name) UNIQUE;
CREATE INDEX IF NOT EXISTS ON access_token (digest) UNIQUE;
