"""Stores: implementations of the ports, over the query catalogue and an engine.

- `commits`: the commit pipeline: from a call of the store to a commit on the disk, and its answer.
- `cypher`: Cypher that users write: read enough to refuse what writes or reaches beyond the graph.
- `disk_full`: detection of a full disk, by the messages of operating systems and engines.
- `due_times`: times at which something is due.
- `embedded`: ArcadeDB in this process: a graph in a directory of its own.
- `graph`: the tasks and the work queue of a graph, on any connection.
- `integrity`: the check and repair of a graph's records, edges, streams and counters.
- `migrations`: migrations of a graph's schema to this version, and the versions that are rejected.
- `named_queries`: the named queries for people: the catalogue's family `insight`.
- `neo4j`: a graph on a server, shared by replicas.
- `private_files`: file modes: folders and files of a graph are private to their owner, whatever the process's umask
  is.
- `records`: the records other than tasks: events, audit log, statistics, tokens, replicas, retention, copies.
- `rows`: rows of the graph from model values, and model values from nodes.
"""
