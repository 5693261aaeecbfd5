-- A request that may be sent again carries a key; what it did is found by it.
CREATE PROPERTY task_change.request_key IF NOT EXISTS STRING;
CREATE INDEX IF NOT EXISTS ON task_change (request_key) UNIQUE NULL_STRATEGY SKIP;
