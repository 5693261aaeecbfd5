"""The tasks and the work queue of a graph, on any connection.

- `armed_times`: the armed times of recurring tasks in a graph, and the time zone rules that they follow.
- `bundle`: an open graph of an engine that runs the query catalogue: all ports, over one connection.
- `claims`: claims of occurrences: their statements, and the claims that the answers show to be won.
- `concurrency`: tasks and attempts that are due and have to wait.
- `due_index`: the due index: the tasks that are due and the next run, read above a low watermark.
- `element_ids`: by the engine's own id of a node a write finds it at once, without an index.
- `execution_list`: lists of executions, newest first: read page by page, without unreadable ones.
- `health`: the health of a graph: its due index, its leases, its clock, its counters against its nodes, its disk.
- `lease_recovery`: recovery of expired leases, in one write; in several, if another replica has recovered a part
  already.
- `lock_backoff`: backoff for tasks that locks or foreign constraints refuse: each waits longer after every try.
- `outcomes`: statements that settle executions, and that recover the executions of expired leases.
- `parts`: the state that the ports of one open graph share.
- `quarantine`: a task that cannot be read or planned leaves the schedule, whatever its node holds.
- `settlements`: settlement of executions: all in one commit, or, if others lock some of them, the free ones first.
- `task_changes`: changes of a task that callers ask for, in one write: cancel it, or run it now.
- `task_list`: lists of tasks, read page by page from their indexes: the cost is that of the tasks returned, not of
  all.
- `task_store`: the task store over a graph: it runs the queries of the catalogue, on any connection.
- `time_links`: pending SCHEDULED_FOR edges: tasks whose next run has moved, and whose edge must follow.
- `watches`: the tasks that wait for something to happen, and their new occurrences.
- `work_queue`: the work queue over a graph: due tasks, claims, leases, outcomes, recovery.
"""
