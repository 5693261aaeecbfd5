// name: nodes_of_<label>
// The nodes labelled <label> with a key above $after, by key, at most $limit.
MATCH (n:<label>) WHERE n.<key> > $after
RETURN n ORDER BY n.<key> LIMIT $limit

// name: own_thoughts
// The thoughts marked as ours with an id above $after, by id, at most $limit.
MATCH (n:thought) WHERE n.thought_id > $after AND n.recorded_by = 'remembrancer'
RETURN n ORDER BY n.thought_id LIMIT $limit

// name: foreign_thoughts
// Those of the thoughts $thought_ids that are there and not ours.
UNWIND $thought_ids AS thought_id
MATCH (n:thought {thought_id: thought_id})
WHERE coalesce(n.recorded_by, '') <> 'remembrancer'
RETURN n.thought_id AS thought_id

// name: edges_of_<edge>
// The edges <edge> of the next $limit nodes labelled <source> with a key above $after; a node without one is a row too.
MATCH (a:<source>) WHERE a.<source_key> > $after
WITH a ORDER BY a.<source_key> LIMIT $limit
OPTIONAL MATCH (a)-[x:<edge>]->(b:<target>)
RETURN a.<source_key> AS source, b.<target_key> AS target, properties(x) AS properties

// name: size_of_<label>
// How many nodes are labelled <label>.
MATCH (n:<label>) WHERE n.<key> IS NOT NULL RETURN count(n) AS size

// name: size_of_own_thoughts
// How many thoughts are ours.
MATCH (n:thought) WHERE n.recorded_by = 'remembrancer' RETURN count(n) AS size

// name: put_nodes_of_<label>
// Keep copied nodes labelled <label>, in place of what stands under their keys; what is no moment stays as it is.
UNWIND $rows AS r
MERGE (n:<label> {<key>: r.key})
SET n = r.properties,
    n.created_at = coalesce(datetime(r.created_at), r.properties.created_at),
    n.defer_until = coalesce(datetime(r.defer_until), r.properties.defer_until),
    n.paused_at = coalesce(datetime(r.paused_at), r.properties.paused_at),
    n.paused_until = coalesce(datetime(r.paused_until), r.properties.paused_until),
    n.last_triggered_at = coalesce(datetime(r.last_triggered_at), r.properties.last_triggered_at),
    n.nominal_at = coalesce(datetime(r.nominal_at), r.properties.nominal_at),
    n.first_nominal_at = coalesce(datetime(r.first_nominal_at), r.properties.first_nominal_at),
    n.last_nominal_at = coalesce(datetime(r.last_nominal_at), r.properties.last_nominal_at),
    n.triggered_at = coalesce(datetime(r.triggered_at), r.properties.triggered_at),
    n.completed_at = coalesce(datetime(r.completed_at), r.properties.completed_at),
    n.first_at = coalesce(datetime(r.first_at), r.properties.first_at),
    n.last_at = coalesce(datetime(r.last_at), r.properties.last_at),
    n.deferred_at = coalesce(datetime(r.deferred_at), r.properties.deferred_at),
    n.original_time = coalesce(datetime(r.original_time), r.properties.original_time),
    n.deferred_until = coalesce(datetime(r.deferred_until), r.properties.deferred_until),
    n.at = coalesce(datetime(r.at), r.properties.at)
RETURN r.row AS row

// name: put_own_thoughts
// Keep copied thoughts; one that is there already may be the agent's own, and stays as it is.
UNWIND $rows AS r
MERGE (n:thought {thought_id: r.key})
  ON CREATE SET n = r.properties, n.created_at = datetime(r.created_at)
RETURN r.row AS row

// name: put_edges_of_<edge>
// Keep copied edges <edge>.
UNWIND $rows AS r
MATCH (a:<source> {<source_key>: r.source})
MERGE (b:<target> {<target_key>: r.target})
MERGE (a)-[x:<edge>]->(b)
SET x = r.properties
RETURN r.row AS row

// name: copy_progress
// Which copy has made this graph, or is under way, and how far it is.
MATCH (g:remembrancer_graph)
RETURN g.copied_from AS copied_from, g.copy_source AS copy_source, g.copy_segment AS part, g.copy_position AS after,
       g.copy_id AS copy_id, g.copied_at.epochMillis AS copied_ms, g.copied_via AS copied_via,
       g.copied_by AS copied_by

// name: write_copy_progress
// Write down how far the copy is, in the same commit as what it has copied.
UNWIND $rows AS r
MATCH (g:remembrancer_graph)
SET g.copy_source = r.source, g.copy_segment = r.part, g.copy_position = r.after, g.copied_from = null
RETURN r.row AS row

// name: complete_copy
// The copy is whole, and this is who made it: the graph may be used. It is halted if its source was.
UNWIND $rows AS r
MATCH (g:remembrancer_graph)
SET g += r.halt
SET g.copied_from = g.copy_source, g.copy_source = null, g.copy_segment = null, g.copy_position = null,
    g.copy_id = r.change_id, g.copied_at = datetime({epochMillis: r.at_ms}), g.copied_via = r.surface,
    g.copied_by = r.actor
RETURN r.row AS row
