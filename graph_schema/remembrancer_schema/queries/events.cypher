// name: event_streams
// What each stream of the event log holds.
MATCH (s:event_stream)
WHERE s.stream >= 0
RETURN s.stream AS stream, s.oldest AS oldest, s.newest AS newest

// name: event_batches
// The batches of a stream with keys above $after_key and up to $end_key, in order: what each commit did.
MATCH (b:event_batch)
USING INDEX SEEK b:event_batch(batch_key)
WHERE b.batch_key > $after_key AND b.batch_key <= $end_key
RETURN b ORDER BY b.batch_key LIMIT $limit

// name: batch_ages
// The oldest batches of a stream, by number and time, without their events.
MATCH (b:event_batch)
USING INDEX SEEK b:event_batch(batch_key)
WHERE b.batch_key > $after_key AND b.batch_key <= $end_key
RETURN b.newest AS newest, b.at_ms AS at_ms ORDER BY b.batch_key LIMIT $limit

// name: prune_events
// Delete the oldest batches of a stream, and write the number from which on the rest is kept.
UNWIND $rows AS r
MATCH (s:event_stream {stream: r.stream})
USING INDEX SEEK s:event_stream(stream)
SET s.oldest = CASE WHEN s.oldest < r.oldest THEN r.oldest ELSE s.oldest END
WITH r
UNWIND r.batch_keys AS batch_key
MATCH (b:event_batch {batch_key: batch_key})
USING INDEX SEEK b:event_batch(batch_key)
DELETE b
RETURN DISTINCT r.row AS row
