"""The commit pipeline: from a call of the store to a commit on the disk, and its answer.

A claim shows the way of every write.

1. Claim. The store turns a call into statements: the name of a query, and rows (`statement`; the types of rows are in
   `row_types`). The due index lowers its watermark, and the statements go to the connection (`connection`).
2. Group. The connection queues the write. While one commit is under way, others wait; the next commit takes as many of
   them as may go together (`group_commit`). Statements of one name become one query over all their rows, unless two
   writes touch the same task or execution: then the second one waits for the next group. On a server, each kind of
   write has a queue and connections of its own (`lanes`).
3. Statistics. Each query answers with the rows that it really wrote. From these the commit adds up its counts by hour
   and type of task (`statistics`, `hourly_delta`, `row_counts`), and the counts that wait for it (`pending_counts`).
4. Events. The same rows become the commit's events, for one stream of the event log (`row_events`, `events`).
5. Commit. The writer's own counter nodes are overwritten (`counters`) and the events appended, by the last query of the
   transaction. After the commit the counters are remembered, each caller gets the answers to its own rows, and the
   listeners hear that the graph was written.

If a commit of several writes fails, each is tried again alone, so that a bad one fails alone. If it is not known
whether a commit on a server was kept, its number on the counter tells.

`writes` declares all of this for each writing query in one spec: the type of its rows, the property by which two writes
meet, the functions that count and report its rows, and its kind. `counter_rollup` adds up the counters of writers that
have ended.
"""
