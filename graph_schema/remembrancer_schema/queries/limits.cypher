// name: take_slots
// Give the free slots of limits to executions, the first ones first, and the permits of their rates; the claims after it, in one commit, look at what was free.
UNWIND $rows AS r
MERGE (l:concurrency_limit {limit_key: r.limit_key})
  ON CREATE SET l.slots = r.slots
SET l.fence = coalesce(l.fence, 0) + 1
WITH l, r, coalesce(l.holders, []) AS held, coalesce(l.permit_us, 1) AS permit_us, coalesce(l.spent_us, 0) AS spent_us,
  r.at_us + coalesce(l.burst * l.permit_us, 0) AS full_us
WITH l, r, held, permit_us, full_us, CASE
    WHEN spent_us > full_us + 60000000 THEN full_us WHEN spent_us > r.at_us THEN spent_us ELSE r.at_us END AS spent_us,
  CASE WHEN l.slots IS NULL THEN size(r.wanted) WHEN l.slots > size(held) THEN l.slots - size(held) ELSE 0 END AS slots
WITH l, r, held, permit_us, full_us, spent_us, slots,
  CASE WHEN l.rate IS NULL THEN slots ELSE (full_us - spent_us) / permit_us END AS permits
WITH l, r, held, permit_us, full_us, spent_us, l.rate IS NOT NULL AND permits < slots AS is_rated,
  CASE WHEN r.force THEN size(r.wanted) WHEN permits < 0 THEN 0 WHEN permits < slots THEN permits ELSE slots END AS free
WITH l, r, held, permit_us, full_us, spent_us, is_rated, free,
  CASE WHEN free < size(r.wanted) THEN free ELSE size(r.wanted) END AS given
SET l.free = free, l.holders = held + r.wanted[0..free], l.given = given,
    l.spent_us = CASE WHEN l.rate IS NULL THEN null ELSE spent_us + given * permit_us END
RETURN r.row AS row, free, l.slots AS slots, l.holders[0..3] AS holders, l.rate AS rate,
  CASE WHEN is_rated THEN r.at_us + spent_us - full_us + (given + 1) * permit_us END AS next_us

// name: claim_limited
// Take occurrences as `claim_executions` does, if their executions have a slot of each of their limits since just now.
UNWIND $rows AS r
UNWIND r.places AS p
MATCH (l:concurrency_limit {limit_key: p.limit_key})
WHERE p.place < l.free
WITH r, count(l) AS given
WHERE given = size(r.places)
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(task_id)
WHERE elementId(t) = r.element_id AND t.task_id = r.task_id
SET t.fence = coalesce(t.fence, 0) + 1
WITH t, r
WHERE t.fence = r.fence AND t.next_run_ms = r.expected_ms AND t.status IN ['PENDING', 'ACTIVE']
SET t += r.task, t.last_triggered_at = datetime({epochMillis: r.triggered_ms})
CREATE (e:task_execution {
  execution_id: r.execution_id, occurrence_key: r.occurrence_key, task_id: r.task_id,
  execution_type: r.execution_type, task_type: r.task_type, status: 'running', attempt: 1, occurrences: 1,
  nominal_at: datetime({epochMillis: r.nominal_ms}), triggered_at: datetime({epochMillis: r.triggered_ms}),
  trigger_delay_ms: r.trigger_delay_ms, fence: r.fence, replica_id: r.replica_id, limit_keys: r.limit_keys
})-[:EXECUTION_OF]->(t)
RETURN r.row AS row, elementId(e) AS element_id

// name: return_slots
// Take slots and permits back that were given just now to executions which did not begin.
UNWIND $rows AS r
UNWIND r.wanted AS id
OPTIONAL MATCH (e:task_execution {execution_id: id})
WITH r, collect(e.execution_id) AS begun
MATCH (l:concurrency_limit {limit_key: r.limit_key})
WHERE size(begun) < l.given
SET l.holders = [h IN l.holders WHERE h IN begun OR NOT h IN r.wanted],
    l.spent_us = CASE WHEN l.rate IS NULL THEN null ELSE l.spent_us - (l.given - size(begun)) * l.permit_us END
RETURN r.row AS row

// name: release_slots
// Free the slots of executions that ended, and give them to those that go on in their place.
UNWIND $rows AS r
MATCH (l:concurrency_limit {limit_key: r.limit_key})
SET l.fence = coalesce(l.fence, 0) + 1
WITH l, r
SET l.holders = [h IN coalesce(l.holders, []) WHERE r.ended[h] IS NULL] + r.begun
RETURN r.row AS row

// name: prune_limits
// Delete limits that were never set, and of which no slot is held.
UNWIND $rows AS r
MATCH (l:concurrency_limit {limit_key: r.limit_key})
SET l.fence = coalesce(l.fence, 0) + 1
WITH l, r WHERE l.is_set IS NULL AND size(coalesce(l.holders, [])) = 0
DETACH DELETE l
RETURN r.row AS row

// name: set_limits
// Set how many executions may run at once under limits, and their rates; write who set them.
UNWIND $rows AS r
MERGE (l:concurrency_limit {limit_key: r.limit_key})
SET l.fence = coalesce(l.fence, 0) + 1
WITH l, r, '{"slots":' + coalesce(toString(l.slots), 'null') + ',"rate":' + coalesce('"' + l.rate + '"', 'null') + '}' AS before
SET l.slots = r.slots, l.is_set = true, l.rate = r.rate, l.permit_us = r.permit_us, l.burst = r.burst
CREATE (c:task_change {
  change_id: r.change_id, task_id: null, action: r.action, at: datetime({epochMillis: r.at_ms}),
  surface: r.surface, actor: r.actor, reason: r.reason,
  before: before,
  after: '{"limit":"' + r.limit_key + '","slots":' + coalesce(toString(r.slots), 'null')
    + ',"rate":' + coalesce('"' + r.rate + '"', 'null') + '}',
  idempotency_key: r.idempotency_key, request_digest: r.request_digest
})
RETURN r.row AS row

// name: limits
// The limits with a key after $after, by key, at most $limit, as nodes.
MATCH (l:concurrency_limit)
USING INDEX SEEK l:concurrency_limit(limit_key)
WHERE l.limit_key > $after
RETURN l ORDER BY l.limit_key LIMIT $limit

// name: limits_by_key
// Those of $keys that are there, as nodes.
UNWIND $keys AS key
MATCH (l:concurrency_limit {limit_key: key})
RETURN l

// name: slot_holders
// The tasks of those of $execution_ids that are there.
UNWIND $execution_ids AS execution_id
MATCH (e:task_execution {execution_id: execution_id})-[:EXECUTION_OF]->(t:scheduled_task)
USING INDEX SEEK e:task_execution(execution_id)
RETURN e.execution_id AS execution_id, t.task_id AS task_id, t.name AS task, e.status AS status

// name: count_waits
// How many tasks wait with a wait index key above $above and below $below.
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(wait_index_key)
WHERE t.wait_index_key > $above AND t.wait_index_key < $below
RETURN count(t) AS waits
