// name: halt_record
// The graph's record of its last halt: it is in force from halted_ms on, until released_ms.
MATCH (g:remembrancer_graph {marker: 'remembrancer'})
RETURN g.halted_ms AS halted_ms, g.released_ms AS released_ms, g.halt_reason AS reason, g.halted_by AS actor,
       g.halt_stops_runs AS stops_runs, g.halt_fence AS edition

// name: halt_scheduler
// Let nothing begin from now on, on any replica; write who halted it. A halt that is in force keeps its beginning.
// A graph that has lost its marker gets it again.
UNWIND $rows AS r
MERGE (g:remembrancer_graph {marker: 'remembrancer'})
SET g.halt_fence = coalesce(g.halt_fence, 0) + 1
WITH g, r
SET g.halted_ms = CASE WHEN g.halted_ms IS NOT NULL AND g.released_ms IS NULL THEN g.halted_ms ELSE r.at_ms END,
    g.released_ms = null, g.halt_reason = r.reason, g.halted_by = r.actor, g.halt_stops_runs = r.stops_runs
CREATE (c:task_change {
  change_id: r.change_id, task_id: null, action: r.action, at: datetime({epochMillis: r.at_ms}),
  surface: r.surface, actor: r.actor, reason: r.reason, idempotency_key: r.idempotency_key,
  request_digest: r.request_digest
})
RETURN r.row AS row

// name: release_scheduler
// End the halt that is in force; write who ended it. Without one, nothing is written.
UNWIND $rows AS r
MERGE (g:remembrancer_graph {marker: 'remembrancer'})
SET g.halt_fence = coalesce(g.halt_fence, 0) + 1
WITH g, r
WHERE r.is_spoiled OR (g.halted_ms IS NOT NULL AND g.released_ms IS NULL)
SET g.halted_ms = CASE WHEN r.is_spoiled THEN r.at_ms ELSE g.halted_ms END,
    g.released_ms = r.at_ms, g.halt_stops_runs = null
CREATE (c:task_change {
  change_id: r.change_id, task_id: null, action: r.action, at: datetime({epochMillis: r.at_ms}),
  surface: r.surface, actor: r.actor, reason: r.reason, idempotency_key: r.idempotency_key,
  request_digest: r.request_digest
})
RETURN r.row AS row
