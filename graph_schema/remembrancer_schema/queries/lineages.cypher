// name: origin_of_execution
// Where the tasks that an execution schedules belong: its task, its lineage, its generation, and the node of the lineage.
MATCH (e:task_execution {execution_id: $execution_id})-[:EXECUTION_OF]->(p:scheduled_task)
USING INDEX SEEK e:task_execution(execution_id)
WITH e, p, coalesce(p.lineage_id, p.origin_thought_id) AS lineage_id
OPTIONAL MATCH (l:lineage {lineage_id: lineage_id})
RETURN p.task_id AS parent_id, lineage_id, coalesce(p.generation, 0) AS generation, coalesce(e.spawned, 0) AS spawned, l

// name: begin_lineages
// Keep the nodes of lineages, each by the thought that started it, with those limits that are given.
UNWIND $rows AS r
MERGE (l:lineage {lineage_id: r.lineage_id})
  ON CREATE SET l.created_at = datetime({epochMillis: r.at_ms})
SET l.fence = coalesce(l.fence, 0) + 1, l += r.limits, l.exhausted_ms = null
RETURN r.row AS row

// name: note_exhausted
// Note that the budgets of lineages have too little left, those of which it is not noted yet.
UNWIND $rows AS r
MATCH (l:lineage {lineage_id: r.lineage_id})
SET l.fence = coalesce(l.fence, 0) + 1
WITH l, r WHERE l.exhausted_ms IS NULL
SET l.exhausted_ms = r.at_ms
RETURN r.row AS row

// name: exhausted_lineages
// The lineages with open tasks whose budgets have too little left, at most $limit, as nodes.
MATCH (l:lineage)
USING INDEX SEEK l:lineage(exhausted_ms)
WHERE l.exhausted_ms > 0
  AND (EXISTS { MATCH (s:scheduled_task {lineage_id: l.lineage_id}) WHERE s.status IN ['PENDING', 'ACTIVE'] }
    OR EXISTS { MATCH (l)-[:STARTED_BY]->(:thought)<-[:CREATED_BY]-(t:scheduled_task)
                WHERE t.budget_id = l.lineage_id AND t.status IN ['PENDING', 'ACTIVE'] })
RETURN l ORDER BY l.exhausted_ms DESC LIMIT $limit

// name: link_lineages
// Link lineages to the thoughts that started them, those that are not linked yet.
UNWIND $rows AS r
MATCH (l:lineage {lineage_id: r.lineage_id})
WHERE NOT EXISTS { (l)-[:STARTED_BY]->(:thought) }
MATCH (h:thought {thought_id: r.lineage_id})
USING INDEX SEEK h:thought(thought_id)
CREATE (l)-[:STARTED_BY]->(h)
RETURN r.row AS row

// name: admit_tasks
// Admit the tasks that an execution schedules, all or none, under the locks of the execution and of its lineage.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
SET e.fence = coalesce(e.fence, 0)
MERGE (l:lineage {lineage_id: r.lineage_id})
  ON CREATE SET l.created_at = datetime({epochMillis: r.at_ms})
SET l.fence = coalesce(l.fence, 0) + 1
WITH r, e, l
MATCH (e)-[:EXECUTION_OF]->(p:scheduled_task)
SET p.fence = coalesce(p.fence, 0)
WITH r, e, l, p WHERE p.status <> 'CANCELLED'
OPTIONAL MATCH (o:scheduled_task {lineage_id: r.counted_id})
WHERE o.status IN ['PENDING', 'ACTIVE']
WITH r, e, l, count(o) AS open
WHERE coalesce(r.generation <= coalesce(l.max_depth, r.max_depth), true)
  AND coalesce(coalesce(e.spawned, 0) + r.tasks <= coalesce(l.max_fan_out, r.max_fan_out), true)
  AND coalesce(open + r.tasks <= coalesce(l.max_open_tasks, r.max_open_tasks), true)
SET e.spawned = coalesce(e.spawned, 0) + r.tasks, l.spawned = coalesce(l.spawned, 0) + r.tasks, l.admission = r.admission
RETURN r.row AS row

// name: spawn_tasks
// Keep new tasks of a lineage, as `create_tasks` does, if the lineage has admitted them just now.
UNWIND $rows AS r
MATCH (l:lineage {lineage_id: r.lineage_id})
WHERE l.admission = r.admission
MERGE (h:thought {thought_id: r.origin_thought_id})
  ON CREATE SET h.recorded_by = 'remembrancer', h.created_at = datetime({epochMillis: r.created_ms})
MERGE (m:time {time_id: r.time_id})
  ON CREATE SET m.at = datetime({epochMillis: r.minute_ms})
CREATE (t:scheduled_task)-[:CREATED_BY]->(h), (t)-[:SCHEDULED_FOR]->(m)
SET t = r.properties, t.created_at = datetime({epochMillis: r.created_ms}),
    t.defer_until = CASE WHEN r.defer_until_ms IS NULL THEN null ELSE datetime({epochMillis: r.defer_until_ms}) END,
    t.budget_id = CASE WHEN coalesce(l.runs, l.tokens, l.money) IS NULL THEN null ELSE l.lineage_id END
RETURN r.row AS row

// name: link_spawned
// Link tasks to the executions whose handlers scheduled them.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
CREATE (t)-[:SPAWNED_BY]->(e)
RETURN r.row AS row

// name: admit_follow_ups
// Admit the follow-ups of what this commit has recorded as missed, each if the bounds of its lineage allow it.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.fence = r.missed_fence AND e.replica_id = r.replica_id AND e.spawned IS NULL
MERGE (l:lineage {lineage_id: r.lineage_id})
  ON CREATE SET l.created_at = datetime({epochMillis: r.at_ms})
SET l.fence = coalesce(l.fence, 0) + 1
WITH r, e, l
OPTIONAL MATCH (o:scheduled_task {lineage_id: r.lineage_id})
WHERE o.status IN ['PENDING', 'ACTIVE'] AND coalesce(l.max_open_tasks, r.max_open_tasks) IS NOT NULL
WITH r, e, l, count(o) AS open
WHERE coalesce(r.generation <= coalesce(l.max_depth, r.max_depth), true)
  AND coalesce(1 <= coalesce(l.max_fan_out, r.max_fan_out), true)
  AND coalesce(open + r.place <= coalesce(l.max_open_tasks, r.max_open_tasks), true)
SET e.spawned = 1
RETURN r.row AS row

// name: refuse_follow_ups
// Take the admission back of follow-ups that a quota has no room for, and say so in the reasons of the outcomes.
UNWIND $rows AS r
MERGE (l:concurrency_limit {limit_key: r.limit_key})
SET l.fence = coalesce(l.fence, 0) + 1
WITH r, CASE WHEN l.is_set THEN l.slots ELSE r.most END AS most
WHERE most IS NOT NULL
UNWIND r.ranges AS x
MATCH (t:scheduled_task)
USING INDEX SEEK t:scheduled_task(status_index_key)
WHERE t.status_index_key > x.above AND t.status_index_key < x.below
WITH r, most, count(t) AS open
UNWIND r.asked AS f
WITH r, f, most, open
WHERE open + f.place > most
MATCH (e:task_execution {execution_id: f.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.spawned = 1 AND e.fence = f.missed_fence AND e.replica_id = f.replica_id
SET e.spawned = 0, e.reason = e.reason + r.refusal
RETURN DISTINCT r.row AS row

// name: refuse_follow_ups_of_origins
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
UNWIND r.asked AS f
WITH r, f, most, roots + others AS open
WHERE open + f.place > most
MATCH (e:task_execution {execution_id: f.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.spawned = 1 AND e.fence = f.missed_fence AND e.replica_id = f.replica_id
SET e.spawned = 0, e.reason = e.reason + r.refusal
RETURN DISTINCT r.row AS row

// name: create_follow_ups
// Keep the follow-ups that were admitted just now, as `create_tasks` keeps tasks, each SPAWNED_BY the missed execution.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.spawned = 1 AND e.fence = r.missed_fence AND e.replica_id = r.replica_id
OPTIONAL MATCH (f:scheduled_task {task_id: r.task_id})
WITH r, e, f
WHERE f IS NULL
MATCH (l:lineage {lineage_id: r.lineage_id})
MERGE (h:thought {thought_id: r.origin_thought_id})
  ON CREATE SET h.recorded_by = 'remembrancer', h.created_at = datetime({epochMillis: r.created_ms})
MERGE (m:time {time_id: r.time_id})
  ON CREATE SET m.at = datetime({epochMillis: r.minute_ms})
CREATE (t:scheduled_task)-[:CREATED_BY]->(h), (t)-[:SCHEDULED_FOR]->(m), (t)-[:SPAWNED_BY]->(e)
SET t = r.properties, t.created_at = datetime({epochMillis: r.created_ms}),
    t.defer_until = datetime({epochMillis: r.defer_until_ms}),
    t.budget_id = CASE WHEN coalesce(l.runs, l.tokens, l.money) IS NULL THEN null ELSE l.lineage_id END
WITH r.lineage_id AS lineage_id, count(t) AS made, collect(r.row) AS places
MATCH (l:lineage {lineage_id: lineage_id})
SET l.fence = coalesce(l.fence, 0) + 1
WITH l, made, places
SET l.spawned = coalesce(l.spawned, 0) + made
WITH places
UNWIND places AS row
RETURN row

// name: note_follow_ups
// Say in the reasons of outcomes that their follow-ups were refused.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.spawned IS NULL AND e.fence = r.missed_fence AND e.replica_id = r.replica_id
SET e.spawned = 0, e.reason = e.reason + r.refusal
RETURN r.row AS row

// name: open_in_lineage
// How many tasks that handlers scheduled in the lineage $lineage_id are open.
MATCH (t:scheduled_task {lineage_id: $lineage_id})
USING INDEX SEEK t:scheduled_task(lineage_id)
WHERE t.status IN ['PENDING', 'ACTIVE']
RETURN count(t) AS open

// name: lineages_by_ids
// Those of the lineages $ids that have a node, as nodes.
UNWIND $ids AS id
MATCH (l:lineage {lineage_id: id})
RETURN l

// name: roots_of_lineage
// The tasks that no handler scheduled of the thought $lineage_id, as nodes, the oldest first.
MATCH (t:scheduled_task)-[:CREATED_BY]->(h:thought {thought_id: $lineage_id})
USING INDEX SEEK h:thought(thought_id)
WHERE t.lineage_id IS NULL
RETURN t ORDER BY t.task_id LIMIT $limit

// name: spawned_in_lineage
// The tasks that handlers scheduled in the lineage $lineage_id, as nodes, by generation and age.
MATCH (t:scheduled_task {lineage_id: $lineage_id})
USING INDEX SEEK t:scheduled_task(lineage_id)
RETURN t ORDER BY t.generation, t.task_id LIMIT $limit

// name: record_budgets
// Write who gave lineages other bounds.
UNWIND $rows AS r
CREATE (c:task_change {
  change_id: r.change_id, action: r.action, at: datetime({epochMillis: r.at_ms}), surface: r.surface, actor: r.actor,
  reason: r.reason, thought_id: r.lineage_id, after: r.after
})
RETURN r.row AS row

// name: lineage_thought
// The thought $lineage_id, if a task was scheduled of it.
MATCH (h:thought {thought_id: $lineage_id})
USING INDEX SEEK h:thought(thought_id)
WHERE EXISTS { (h)<-[:CREATED_BY]-(:scheduled_task) }
RETURN h.thought_id AS lineage_id

// name: draw_on_budgets
// Let the open tasks that handlers scheduled in lineages draw on the budgets of these.
UNWIND $rows AS r
MATCH (l:lineage {lineage_id: r.lineage_id})
WHERE coalesce(l.runs, l.tokens, l.money) IS NOT NULL
WITH r
MATCH (t:scheduled_task {lineage_id: r.lineage_id})
USING INDEX SEEK t:scheduled_task(lineage_id)
WHERE t.budget_id IS NULL AND t.status IN ['PENDING', 'ACTIVE']
SET t.fence = coalesce(t.fence, 0) + 1, t.budget_id = r.lineage_id
RETURN DISTINCT r.row AS row

// name: draw_as_roots
// Let the open roots of lineages draw on the budgets of these.
UNWIND $rows AS r
MATCH (l:lineage {lineage_id: r.lineage_id})
WHERE coalesce(l.runs, l.tokens, l.money) IS NOT NULL
WITH r
MATCH (t:scheduled_task)-[:CREATED_BY]->(h:thought {thought_id: r.lineage_id})
USING INDEX SEEK h:thought(thought_id)
WHERE t.lineage_id IS NULL AND t.budget_id IS NULL AND t.status IN ['PENDING', 'ACTIVE']
SET t.fence = coalesce(t.fence, 0) + 1, t.budget_id = r.lineage_id
RETURN DISTINCT r.row AS row

// name: admit_runs
// Lock lineages, and refuse the claims of tasks for whose runs not enough is left: each row has the sums up to its own.
// The claim of such a task finds another fence than it read.
UNWIND $rows AS r
MATCH (l:lineage {lineage_id: r.lineage_id})
SET l.fence = coalesce(l.fence, 0) + 1
WITH r, l.runs - coalesce(l.spent_runs, 0) - coalesce(l.reserved_runs, 0) AS runs,
     l.tokens - coalesce(l.spent_tokens, 0) - coalesce(l.reserved_tokens, 0) AS tokens,
     l.money - coalesce(l.spent_money, 0) - coalesce(l.reserved_money, 0) AS money
UNWIND r.draws AS d
WITH r, d, runs, tokens, money
WHERE d.runs > runs OR d.tokens > tokens OR d.money > money
MATCH (t:scheduled_task {task_id: d.task_id})
USING INDEX SEEK t:scheduled_task(task_id)
SET t.fence = coalesce(t.fence, 0) + 1
RETURN DISTINCT r.row AS row

// name: admit_retries
// The same for further attempts at lost executions: by 2, since an attempt expects the fence that the loss makes.
UNWIND $rows AS r
MATCH (l:lineage {lineage_id: r.lineage_id})
SET l.fence = coalesce(l.fence, 0) + 1
WITH r, l.runs - coalesce(l.spent_runs, 0) - coalesce(l.reserved_runs, 0) AS runs,
     l.tokens - coalesce(l.spent_tokens, 0) - coalesce(l.reserved_tokens, 0) AS tokens,
     l.money - coalesce(l.spent_money, 0) - coalesce(l.reserved_money, 0) AS money
UNWIND r.draws AS d
WITH r, d, runs, tokens, money
WHERE d.runs > runs OR d.tokens > tokens OR d.money > money
MATCH (e:task_execution {execution_id: d.former_execution_id})
USING INDEX SEEK e:task_execution(execution_id)
SET e.fence = coalesce(e.fence, 0) + 2
RETURN DISTINCT r.row AS row

// name: admit_attempts
// The same for attempts that wait after a failure: what starts them finds another moment than it read.
UNWIND $rows AS r
MATCH (l:lineage {lineage_id: r.lineage_id})
SET l.fence = coalesce(l.fence, 0) + 1
WITH r, l.runs - coalesce(l.spent_runs, 0) - coalesce(l.reserved_runs, 0) AS runs,
     l.tokens - coalesce(l.spent_tokens, 0) - coalesce(l.reserved_tokens, 0) AS tokens,
     l.money - coalesce(l.spent_money, 0) - coalesce(l.reserved_money, 0) AS money
UNWIND r.draws AS d
WITH r, d, runs, tokens, money
WHERE d.runs > runs OR d.tokens > tokens OR d.money > money
MATCH (e:task_execution {execution_id: d.former_execution_id})
USING INDEX SEEK e:task_execution(execution_id)
SET e.retry_due_ms = e.retry_due_ms + 1
RETURN DISTINCT r.row AS row

// name: reserve_runs
// Reserve for executions that were begun just now, under the locks of their lineages.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.status = 'running' AND e.budget_id IS NULL
SET e.budget_id = r.lineage_id, e.reserved_tokens = r.tokens, e.reserved_money = r.money
WITH r.lineage_id AS lineage_id, count(e) AS runs, sum(r.tokens) AS tokens, sum(r.money) AS money, collect(r.row) AS places
MATCH (l:lineage {lineage_id: lineage_id})
SET l.fence = coalesce(l.fence, 0) + 1
WITH l, runs, tokens, money, places
SET l.reserved_runs = coalesce(l.reserved_runs, 0) + runs, l.reserved_tokens = coalesce(l.reserved_tokens, 0) + tokens,
    l.reserved_money = coalesce(l.reserved_money, 0) + money
WITH places
UNWIND places AS row
RETURN row

// name: charge_runs
// Charge lineages with what executions have used that have their outcome, once each, and give back what they had reserved beyond it.
UNWIND $rows AS r
MATCH (e:task_execution {execution_id: r.execution_id})
USING INDEX SEEK e:task_execution(execution_id)
WHERE e.status <> 'running' AND e.budget_id IS NOT NULL AND e.spent_runs IS NULL
SET e.spent_runs = r.runs, e.spent_tokens = coalesce(r.tokens, e.reserved_tokens),
    e.spent_money = coalesce(r.money, e.reserved_money)
WITH e.budget_id AS lineage_id, count(e) AS held_runs, sum(e.reserved_tokens) AS held_tokens,
     sum(e.reserved_money) AS held_money, sum(r.runs) AS runs, sum(coalesce(r.tokens, e.reserved_tokens)) AS tokens,
     sum(coalesce(r.money, e.reserved_money)) AS money, collect(r.row) AS places
MATCH (l:lineage {lineage_id: lineage_id})
SET l.fence = coalesce(l.fence, 0) + 1
WITH l, held_runs, held_tokens, held_money, runs, tokens, money, places
SET l.reserved_runs = coalesce(l.reserved_runs, 0) - held_runs,
    l.reserved_tokens = coalesce(l.reserved_tokens, 0) - held_tokens,
    l.reserved_money = coalesce(l.reserved_money, 0) - held_money,
    l.spent_runs = coalesce(l.spent_runs, 0) + runs, l.spent_tokens = coalesce(l.spent_tokens, 0) + tokens,
    l.spent_money = coalesce(l.spent_money, 0) + money
WITH places
UNWIND places AS row
RETURN row
