// name: create_templates
// Keep templates, each by its name, and write who defined them.
UNWIND $rows AS r
CREATE (k:task_template)
SET k = r.template, k.created_at = datetime({epochMillis: r.at_ms})
CREATE (c:task_change {
  change_id: r.change_id, action: r.action, at: datetime({epochMillis: r.at_ms}), surface: r.surface, actor: r.actor,
  after: r.after
})
RETURN r.row AS row

// name: replace_templates
// Give templates other content, if they still have the version that was read, and write who did it.
UNWIND $rows AS r
MATCH (k:task_template {name: r.name})
USING INDEX SEEK k:task_template(name)
WHERE k.version = r.version_before
SET k += r.template
CREATE (c:task_change {
  change_id: r.change_id, action: r.action, at: datetime({epochMillis: r.at_ms}), surface: r.surface, actor: r.actor,
  before: r.before, after: r.after
})
RETURN r.row AS row

// name: delete_templates
// Delete templates, and write who did it. The tasks that were made from them stay, with the name.
UNWIND $rows AS r
MATCH (k:task_template {name: r.name})
USING INDEX SEEK k:task_template(name)
CREATE (c:task_change {
  change_id: r.change_id, action: r.action, at: datetime({epochMillis: r.at_ms}), surface: r.surface, actor: r.actor,
  before: r.before
})
DETACH DELETE k
RETURN r.row AS row

// name: templates
// Every template, by name, as nodes.
MATCH (k:task_template) WHERE k.name IS NOT NULL RETURN k ORDER BY k.name

// name: templates_by_name
// The templates $names, as nodes.
UNWIND $names AS name
MATCH (k:task_template {name: name})
USING INDEX SEEK k:task_template(name)
RETURN k

// name: link_templates
// Link new tasks to the templates that they were made from, with the versions that these had.
UNWIND $rows AS r
MATCH (t:scheduled_task {task_id: r.task_id})
MATCH (k:task_template {name: r.name})
CREATE (t)-[u:FROM_TEMPLATE]->(k)
SET u.version = r.version
RETURN r.row AS row
