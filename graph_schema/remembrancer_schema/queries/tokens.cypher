// name: create_tokens
// Keep tokens, each by the digest of its text, and write who made them.
UNWIND $rows AS r
CREATE (k:access_token {
  name: r.name, scope: r.scope, digest: r.digest, created_at: datetime({epochMillis: r.at_ms})
})
CREATE (c:task_change {
  change_id: r.change_id, action: r.action, at: datetime({epochMillis: r.at_ms}), surface: r.surface, actor: r.actor,
  after: r.after
})
RETURN r.row AS row

// name: token_by_digest
// The token with a digest, as a node.
MATCH (k:access_token {digest: $digest})
USING INDEX SEEK k:access_token(digest)
RETURN k

// name: tokens
// Every token, by name, as nodes.
MATCH (k:access_token) WHERE k.name IS NOT NULL RETURN k ORDER BY k.name

// name: revoke_tokens
// Let tokens open nothing any more, and write who decided it; what they did stays on record under their names.
UNWIND $rows AS r
MATCH (k:access_token {name: r.name})
USING INDEX SEEK k:access_token(name)
WHERE k.revoked_at IS NULL
SET k.revoked_at = datetime({epochMillis: r.at_ms})
CREATE (c:task_change {
  change_id: r.change_id, action: r.action, at: datetime({epochMillis: r.at_ms}), surface: r.surface, actor: r.actor,
  before: r.before, after: r.after
})
RETURN r.row AS row
