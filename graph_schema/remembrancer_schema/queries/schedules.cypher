// name: recurring_tasks
// Armed recurring tasks whose listing lies above $above and below $below, by listing: of $zones, or of all where it is null.
MATCH (t:scheduled_task)
WHERE t.listing > $above AND t.listing < $below AND t.next_run_ms IS NOT NULL
  AND ($zones IS NULL OR t.timezone IN $zones)
RETURN t ORDER BY t.listing LIMIT $limit

// name: zones_in_use
// The time zones of armed recurring tasks whose listing lies above $above and below $below.
MATCH (t:scheduled_task)
WHERE t.listing > $above AND t.listing < $below AND t.next_run_ms IS NOT NULL
RETURN DISTINCT t.timezone AS zone

// name: rearm_tasks
// Arm recurring tasks for another moment of their schedules, if they still stand as read, and write why.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
SET t.fence = coalesce(t.fence, 0)
WITH t, r, t.nominal_ms AS nominal_ms
WHERE t.fence = r.fence AND t.next_run_ms = r.expected_ms AND t.status IN ['PENDING', 'ACTIVE']
SET t += r.task, t.fence = r.fence + 1
CREATE (c:task_change {
  change_id: r.change_id, task_id: r.task_id, action: 'rearm', at: datetime({epochMillis: r.at_ms}),
  surface: 'checker', actor: r.replica_id, reason: r.reason,
  before: '{"next_run_ms":' + toString(r.expected_ms) + ',"nominal_ms":' + coalesce(toString(nominal_ms), 'null') + '}',
  after: '{"next_run_ms":' + toString(r.task.next_run_ms) + ',"nominal_ms":' + toString(r.task.nominal_ms) + '}'
})-[:CHANGE_OF]->(t)
RETURN r.row AS row

// name: zone_rules
// The rules of time zones by which tasks were armed, as nodes.
MATCH (z:zone_rules)
RETURN z ORDER BY z.zone

// name: begin_zones
// Keep the rules of time zones that have none yet: those that are there stay.
UNWIND $rows AS r
MERGE (z:zone_rules {zone: r.zone})
  ON CREATE SET z.fingerprint = r.fingerprint, z.rules = r.rules
RETURN r.row AS row

// name: keep_zones
// Keep the rules of time zones, in place of those that are there.
UNWIND $rows AS r
MERGE (z:zone_rules {zone: r.zone})
SET z.fingerprint = r.fingerprint, z.rules = r.rules
RETURN r.row AS row
