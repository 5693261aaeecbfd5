// name: create_calendars
// Keep calendars, each by its name, and write who defined them.
UNWIND $rows AS r
CREATE (k:named_calendar)
SET k = r.calendar, k.created_at = datetime({epochMillis: r.at_ms})
CREATE (c:task_change {
  change_id: r.change_id, action: r.action, at: datetime({epochMillis: r.at_ms}), surface: r.surface, actor: r.actor,
  after: r.after
})
RETURN r.row AS row

// name: renew_calendars
// Give calendars other content, if they still have the version that was read, and write who renewed them.
UNWIND $rows AS r
MATCH (k:named_calendar {name: r.name})
USING INDEX SEEK k:named_calendar(name)
WHERE k.version = r.version_before
SET k += r.calendar
CREATE (c:task_change {
  change_id: r.change_id, action: r.action, at: datetime({epochMillis: r.at_ms}), surface: r.surface, actor: r.actor,
  before: r.before, after: r.after
})
RETURN r.row AS row

// name: delete_calendars
// Delete calendars that no open task uses, and write who did it.
UNWIND $rows AS r
MATCH (k:named_calendar {name: r.name})
USING INDEX SEEK k:named_calendar(name)
OPTIONAL MATCH (k)<-[:USES_CALENDAR]-(t:scheduled_task)
WHERE t.status IN ['PENDING', 'ACTIVE']
WITH r, k, count(t) AS users
WHERE users = 0
CREATE (c:task_change {
  change_id: r.change_id, action: r.action, at: datetime({epochMillis: r.at_ms}), surface: r.surface, actor: r.actor,
  before: r.before
})
DETACH DELETE k
RETURN r.row AS row

// name: calendars
// Every calendar, by name, as nodes.
MATCH (k:named_calendar) WHERE k.name IS NOT NULL RETURN k ORDER BY k.name

// name: calendars_by_name
// The calendars $names, as nodes.
UNWIND $names AS name
MATCH (k:named_calendar {name: name})
USING INDEX SEEK k:named_calendar(name)
RETURN k

// name: calendars_in_use
// The calendars that open tasks use, and how many tasks.
MATCH (k:named_calendar)
WITH k
MATCH (k)<-[:USES_CALENDAR]-(t:scheduled_task)
WHERE t.status IN ['PENDING', 'ACTIVE']
RETURN k.name AS name, k.last AS last, count(t) AS tasks ORDER BY name

// name: users_of_calendar
// Open tasks that use the calendar $name, with an id above $after, by id, at most $limit.
MATCH (k:named_calendar {name: $name})
USING INDEX SEEK k:named_calendar(name)
WITH k
MATCH (k)<-[:USES_CALENDAR]-(t:scheduled_task)
WHERE t.status IN ['PENDING', 'ACTIVE'] AND t.task_id > $after
RETURN t ORDER BY t.task_id LIMIT $limit

// name: users_of_former_calendars
// Open tasks that have a calendar as it was before it was renewed, with an id above $after, by id, at most $limit.
MATCH (k:named_calendar)
WITH k
MATCH (k)<-[u:USES_CALENDAR]-(t:scheduled_task)
WHERE u.version <> k.version
WITH DISTINCT t
WHERE t.status IN ['PENDING', 'ACTIVE'] AND t.task_id > $after
RETURN t ORDER BY t.task_id LIMIT $limit

// name: followers_of
// The open tasks that follow the times of any of $task_ids, as nodes.
UNWIND $task_ids AS task_id
MATCH (x:scheduled_task {task_id: task_id})
USING INDEX SEEK x:scheduled_task(task_id)
WITH x
MATCH (x)<-[:FOLLOWS]-(t:scheduled_task)
WHERE t.status IN ['PENDING', 'ACTIVE']
RETURN DISTINCT t

// name: followers
// Open tasks that follow the times of another, with an id above $after, by id, at most $limit.
MATCH (x:scheduled_task)<-[:FOLLOWS]-(t:scheduled_task)
WITH DISTINCT t
WHERE t.status IN ['PENDING', 'ACTIVE'] AND t.task_id > $after
RETURN t ORDER BY t.task_id LIMIT $limit

// name: unlink_references
// Let go of the calendars and tasks that the former schedules of tasks referred to, if they were changed just now.
UNWIND $rows AS r
MATCH (c:task_change {change_id: r.change_id})
MATCH (t:scheduled_task {task_id: r.task_id})-[u:USES_CALENDAR|FOLLOWS]->()
USING INDEX SEEK t:scheduled_task(task_id)
DELETE u
RETURN DISTINCT r.row AS row

// name: link_calendars
// Link new tasks to the calendars of their schedules, with the versions that they have.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
MATCH (k:named_calendar {name: r.name})
CREATE (t)-[u:USES_CALENDAR]->(k)
SET u.version = r.version
RETURN r.row AS row

// name: link_changed_calendars
// The same of tasks that were changed just now.
UNWIND $rows AS r
MATCH (c:task_change {change_id: r.change_id})
MATCH (t:scheduled_task {task_id: r.task_id})
MATCH (k:named_calendar {name: r.name})
CREATE (t)-[u:USES_CALENDAR]->(k)
SET u.version = r.version
RETURN r.row AS row

// name: link_followed
// Link new tasks to the tasks whose times they follow.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
MATCH (x:scheduled_task {task_id: r.followed})
CREATE (t)-[:FOLLOWS]->(x)
RETURN r.row AS row

// name: link_changed_followed
// The same of tasks that were changed just now.
UNWIND $rows AS r
MATCH (c:task_change {change_id: r.change_id})
MATCH (t:scheduled_task {task_id: r.task_id})
MATCH (x:scheduled_task {task_id: r.followed})
CREATE (t)-[:FOLLOWS]->(x)
RETURN r.row AS row
