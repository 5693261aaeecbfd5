"""The records other than tasks: events, audit log, statistics, tokens, replicas, retention, copies.

- `audit_log`: the audit log of a graph: changes from their nodes, creations from those of tasks, a copy from its
  mark.
- `calendars`: named calendars, as nodes of the graph, and the tasks that refer to them or to other tasks.
- `counter_check`: A comparison of the statistics of a graph with its nodes.
- `dead_letters`: dead letters, as nodes of the graph.
- `dependencies`: the dependencies between tasks: paths, ends, outcomes, and the rows that write them.
- `event_log`: the event log as nodes: a stream is a counter under a lock, and each commit appends a batch.
- `graph_copy`: the nodes and edges of one graph as a copy reads and writes them: in pages, over any connection.
- `halts`: the halt of a graph, on the node that marks the graph.
- `idempotency`: idempotency keys: properties of the nodes that a request wrote.
- `lineages`: lineages, as nodes of the graph, and the tasks that belong to them.
- `named_nodes`: nodes that users know by name, with a version: added, replaced and removed.
- `questions`: the open questions, their answers, and those that are asked again.
- `replicas`: the replica registry: the marker of a graph, and its replicas.
- `retention`: retention of executions: old ones are found by age, added to summaries and deleted in one commit.
- `statistics`: the statistics of a graph: hourly and lifetime counters, read from the counter nodes of all writers.
- `templates`: templates of tasks, as nodes of the graph.
- `tokens`: tokens, as nodes of the graph.
"""
