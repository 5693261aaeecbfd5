// What each commit did, in numbered streams.
CREATE CONSTRAINT remembrancer_event_stream IF NOT EXISTS FOR (n:event_stream) REQUIRE n.stream IS UNIQUE;
CREATE CONSTRAINT remembrancer_batch_key IF NOT EXISTS FOR (n:event_batch) REQUIRE n.batch_key IS UNIQUE;
