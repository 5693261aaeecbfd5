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
    l.is_wanted = CASE WHEN free < size(r.wanted) THEN true ELSE l.is_wanted END,
    l.spent_us = CASE WHEN l.rate IS NULL THEN null ELSE spent_us + given * permit_us END
RETURN r.row AS row, free, l.slots AS slots, l.holders[0..3] AS holders, l.rate AS rate,
  CASE WHEN is_rated THEN r.at_us + spent_us - full_us + (given + 1) * permit_us END AS next_us

// name: pass_circuits
// Let executions begin under circuits: all while a circuit is closed, none while it is open, and one once its trial is due.
// Whatever began after it opened is its trial until it ends. `claim_limited` looks at what was free, as of slots.
UNWIND $rows AS r
MERGE (l:concurrency_limit {limit_key: r.limit_key})
SET l.fence = coalesce(l.fence, 0) + 1
WITH l, r, coalesce(l.holders, []) AS held
WITH l, r, held, [h IN held WHERE NOT h IN coalesce(l.former, [])] AS trials
WITH l, r, held, trials, CASE
  WHEN l.open_since_ms IS NULL OR r.force THEN size(r.wanted)
  WHEN l.trial_ms > r.at_ms AND l.trial_ms <= r.at_ms + coalesce(l.open_ms, r.open_ms) + 60000 THEN 0
  WHEN size(trials) > 0 OR size(r.wanted) = 0 THEN 0 ELSE 1 END AS free
SET l.free = free, l.given = free, l.holders = held + r.wanted[0..free]
RETURN r.row AS row, free, null AS slots, (trials + r.wanted[0..free])[0..3] AS holders, null AS rate,
  l.open_since_ms AS open_since_ms, l.failures AS failures, l.fault AS fault,
  CASE WHEN free = 0 AND size(trials) = 0 THEN l.trial_ms * 1000 END AS next_us

// name: count_circuits
// Count outcomes for the circuits under which executions ran, before they are written: failures in a row open one, a completion closes it.
// What began before a circuit opened says nothing about it while it is open.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
SET e.fence = coalesce(e.fence, 0)
WITH e, r
WHERE e.fence = r.fence AND e.status = 'running'
WITH r.limit_key AS limit_key, collect(r) AS ended
MATCH (l:concurrency_limit {limit_key: limit_key})
SET l.fence = coalesce(l.fence, 0) + 1
WITH l, [r IN ended WHERE l.open_since_ms IS NULL OR NOT r.execution_id IN coalesce(l.former, [])] AS counted
WHERE size(counted) > 0
WITH l, counted, counted[size(counted) - 1] AS r,
  [i IN range(0, size(counted) - 1) WHERE NOT counted[i].is_failure] AS done
WITH l, r, l.open_since_ms IS NOT NULL AS was_open, CASE
  WHEN size(done) = 0 THEN coalesce(l.failures, 0) + size(counted)
  WHEN done[size(done) - 1] = size(counted) - 1 THEN 0 ELSE size(counted) - 1 - done[size(done) - 1] END AS failures
WHERE failures > 0 OR l.failures IS NOT NULL
WITH l, r, was_open, failures, failures > 0 AND (was_open OR failures >= coalesce(l.opens_after, r.opens_after)) AS opens
SET l.failures = CASE WHEN failures > 0 THEN failures END, l.fault = CASE WHEN failures > 0 THEN r.fault END,
    l.open_since_ms = CASE WHEN opens THEN coalesce(l.open_since_ms, r.at_ms) END,
    l.trial_ms = CASE WHEN opens THEN r.at_ms + coalesce(l.open_ms, r.open_ms) END,
    l.former = CASE WHEN opens THEN coalesce(l.holders, []) END
WITH r, was_open, failures, opens
WHERE was_open <> opens
RETURN r.row AS row, CASE WHEN opens THEN 'circuit_opened' ELSE 'circuit_closed' END AS kind,
  r.limit_key + CASE WHEN opens THEN ': ' + toString(failures) + ' failures in a row, the last: ' + r.fault
    ELSE ': a run was completed' END AS reason

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
RETURN r.row AS row, l.is_wanted AS is_wanted

// name: take_slots_back
// Give slots back to executions whose next attempts were to take them over just now, and did not begin.
UNWIND $rows AS r
OPTIONAL MATCH (e:task_execution {execution_id: r.begun})
WITH r, e
WHERE e IS NULL
MATCH (l:concurrency_limit {limit_key: r.limit_key})
SET l.holders = [h IN l.holders | CASE WHEN h = r.begun THEN r.former ELSE h END]
RETURN r.row AS row

// name: settle_wanted
// Nobody waits any more for slots of limits.
UNWIND $rows AS r
MATCH (l:concurrency_limit {limit_key: r.limit_key})
SET l.is_wanted = null
RETURN r.row AS row

// name: refuse_beyond_quotas
// End the whole commit, by a second node with the id of a new task, if more tasks are open now than a quota allows.
UNWIND $rows AS r
MERGE (l:concurrency_limit {limit_key: r.limit_key})
SET l.fence = coalesce(l.fence, 0) + 1
WITH r, CASE WHEN l.is_set THEN l.slots ELSE r.most END AS most
WHERE most IS NOT NULL
UNWIND r.ranges AS x
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(status_index_key)
WHERE t.status_index_key > x.above AND t.status_index_key < x.below
  AND (r.agent IS NULL OR t.created_by = r.agent AND t.created_via <> 'handler')
WITH r, most, count(t) AS open
WHERE open > most
CREATE (:scheduled_task {task_id: r.task_id})
RETURN r.row AS row

// name: refuse_beyond_origins
// The same of quotas of the tasks of one lineage.
UNWIND $rows AS r
MERGE (l:concurrency_limit {limit_key: r.limit_key})
SET l.fence = coalesce(l.fence, 0) + 1
WITH r, CASE WHEN l.is_set THEN l.slots ELSE r.most END AS most
WHERE most IS NOT NULL
OPTIONAL MATCH (h:thought {thought_id: r.origin})<-[:CREATED_BY]-(t:scheduled_task)
WHERE t.lineage_id IS NULL AND t.status IN ['PENDING', 'ACTIVE']
WITH r, most, count(t) AS roots
OPTIONAL MATCH (o:scheduled_task {lineage_id: r.origin})
WHERE o.status IN ['PENDING', 'ACTIVE']
WITH r, most, roots, count(o) AS others
WHERE roots + others > most
CREATE (:scheduled_task {task_id: r.task_id})
RETURN r.row AS row

// name: open_in_ranges
// The open tasks with a status index key in one of $ranges: of all, or those that $agent scheduled.
UNWIND $ranges AS x
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(status_index_key)
WHERE t.status_index_key > x.above AND t.status_index_key < x.below
  AND ($agent IS NULL OR t.created_by = $agent AND t.created_via <> 'handler')
RETURN t.task_id AS task_id, t.name AS name

// name: open_of_origin
// The open tasks of the lineage that the thought $origin started.
MATCH (h:thought {thought_id: $origin})<-[:CREATED_BY]-(t:scheduled_task)
USING INDEX SEEK h:thought(thought_id)
WHERE t.lineage_id IS NULL AND t.status IN ['PENDING', 'ACTIVE']
RETURN t.task_id AS task_id, t.name AS name
UNION ALL
MATCH (o:scheduled_task {lineage_id: $origin})
USING INDEX SEEK o:scheduled_task(lineage_id)
WHERE o.status IN ['PENDING', 'ACTIVE']
RETURN o.task_id AS task_id, o.name AS name

// name: prune_limits
// Delete limits that were never set, and of which no slot is held; not circuits that count failures.
UNWIND $rows AS r
MATCH (l:concurrency_limit {limit_key: r.limit_key})
SET l.fence = coalesce(l.fence, 0) + 1
WITH l, r WHERE l.is_set IS NULL AND l.failures IS NULL AND size(coalesce(l.holders, [])) = 0
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
  before: before, after: r.after,
  idempotency_key: r.idempotency_key, request_digest: r.request_digest
})
RETURN r.row AS row

// name: set_circuits
// Set after how many failures in a row circuits open, and for how long; write who set them.
UNWIND $rows AS r
MERGE (l:concurrency_limit {limit_key: r.limit_key})
SET l.fence = coalesce(l.fence, 0) + 1, l.is_set = true, l.opens_after = r.opens_after, l.open_ms = r.open_ms
CREATE (c:task_change {
  change_id: r.change_id, task_id: null, action: r.action, at: datetime({epochMillis: r.at_ms}),
  surface: r.surface, actor: r.actor, reason: r.reason, before: null, after: r.after,
  idempotency_key: r.idempotency_key, request_digest: r.request_digest
})
RETURN r.row AS row

// name: reset_circuits
// Close circuits, and forget the failures that they have counted; write who did so.
UNWIND $rows AS r
MATCH (l:concurrency_limit {limit_key: r.limit_key})
SET l.fence = coalesce(l.fence, 0) + 1, l.failures = null, l.fault = null,
    l.open_since_ms = null, l.trial_ms = null, l.former = null
CREATE (c:task_change {
  change_id: r.change_id, task_id: null, action: r.action, at: datetime({epochMillis: r.at_ms}),
  surface: r.surface, actor: r.actor, reason: r.reason, before: null, after: r.after,
  idempotency_key: r.idempotency_key, request_digest: r.request_digest
})
RETURN r.row AS row

// name: limits
// The limits with a key after $after, by key, at most $limit, as nodes.
MATCH (l:concurrency_limit)
USING INDEX SEEK l:concurrency_limit(limit_key)
WHERE l.limit_key > $after
RETURN l ORDER BY l.limit_key LIMIT $limit

// name: overlaps_in_use
// The limits that are overlap keys, with executions that hold their slots, at most $limit, as nodes.
MATCH (l:concurrency_limit)
USING INDEX SEEK l:concurrency_limit(limit_key)
WHERE l.limit_key > 'overlap:' AND l.limit_key < 'overlap;' AND size(l.holders) > 0
RETURN l ORDER BY l.limit_key LIMIT $limit

// name: limits_by_key
// Those of $keys that are there, as nodes.
UNWIND $keys AS key
MATCH (l:concurrency_limit {limit_key: key})
RETURN l

// name: executions_of_ids
// Those of $execution_ids that are there, as nodes.
UNWIND $execution_ids AS execution_id
MATCH (e:task_execution {execution_id: execution_id})
USING INDEX SEEK e:task_execution(execution_id)
RETURN e

// name: stopped_executions
// Those of $execution_ids that were asked to stop, or have an outcome.
UNWIND $execution_ids AS execution_id
MATCH (e:task_execution {execution_id: execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.stop_reason IS NOT NULL OR e.status <> 'running'
RETURN e.execution_id AS execution_id, coalesce(e.stop_reason, e.reason) AS reason

// name: ask_to_stop
// Ask executions to stop that still run, for a reason; the scheduler that runs them looks for it.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
SET e.fence = coalesce(e.fence, 0)
WITH e, r
WHERE e.fence = r.fence AND e.status = 'running' AND e.stop_reason IS NULL
SET e.stop_reason = r.reason
RETURN r.row AS row

// name: slot_holders
// The tasks of those of $execution_ids that are there.
UNWIND $execution_ids AS execution_id
MATCH (e:task_execution {execution_id: execution_id})-[:EXECUTION_OF]->(t:scheduled_task)
USING INDEX SEEK e:task_execution(execution_id)
RETURN e.execution_id AS execution_id, t.task_id AS task_id, t.name AS task, e.status AS status

// name: waits_in_ranges
// How many tasks wait with a wait index key in each of $ranges; none of those without any.
UNWIND $ranges AS x
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(wait_index_key)
WHERE t.wait_index_key > x.above AND t.wait_index_key < x.below
RETURN x.above AS above, count(t) AS waits
