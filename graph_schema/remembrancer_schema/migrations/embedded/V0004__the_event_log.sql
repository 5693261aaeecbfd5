-- What each commit did, in numbered streams. The newest end of the index is read, from a known key on: it does not age.
CREATE VERTEX TYPE event_stream IF NOT EXISTS;
CREATE VERTEX TYPE event_batch IF NOT EXISTS;
CREATE PROPERTY event_stream.stream IF NOT EXISTS LONG;
CREATE PROPERTY event_batch.batch_key IF NOT EXISTS LONG;
CREATE INDEX IF NOT EXISTS ON event_stream (stream) UNIQUE;
CREATE INDEX IF NOT EXISTS ON event_batch (batch_key) UNIQUE;
