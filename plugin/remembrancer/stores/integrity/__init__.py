"""The check and repair of a graph's records, edges, streams and counters.

- `derived_counters`: counters of a graph derived from its nodes, as if each node had been counted when it was
  written.
- `graph_check`: A check of a whole graph: the engine, its indexes, every record and edge, and the counters against
  the nodes.
- `record_check`: A walk over every record of a graph, as the scheduler reads them: in the order of keys, page by
  page.
- `repair`: repair of a damaged graph; unreadable records are saved to a file before they are deleted.
- `slot_check`: comparison of the slots of limits with the executions that hold them.
- `stand_in`: stand-ins for unreadable tasks: ended tasks with the same id and all readable properties.
- `stream_check`: comparison of the event log's streams with their batches: a stream numbers events from its last
  stored one.
- `unreadable_file`: A file of unreadable records that were removed from a graph: one JSON object per line.
"""
