"""Protocols in domain words; their laws are in the docstrings.

- `armed_times`: the armed times port: the next runs of recurring tasks, corrected after a change of a clock or of a
  time zone.
- `audit_log`: the audit log port: changes of tasks and of the graph, with who made them, oldest first.
- `calendars`: the calendar store port: named calendars, and the tasks that refer to them or to other tasks.
- `clock`: the clock port: the only source of the current time.
- `dead_letters`: the dead letter port: failures that no attempt follows.
- `dependencies`: the dependencies port: the tasks that others wait for, and their outcomes.
- `event_log`: the event log port: events in numbered streams.
- `filters`: filters of lists: tasks, pages of tasks.
- `graph`: one open memory graph: its ports, and what concerns it as a whole.
- `graph_check`: reports of the check and the repair of a whole graph.
- `graph_copy`: the copy port: a whole graph, read or written page by page.
- `handler`: the handler: the agent's function that does its tasks.
- `halts`: the halts port: the halt of a graph, which holds for all of its replicas.
- `health`: the health port: a few bounded reads of the state that only the graph knows.
- `host_hooks`: the questions that the scheduler asks its host.
- `idempotency`: the idempotency port: the result of a request, found by its key for as long as the graph exists.
- `limits`: the limits port: slots, of which each running execution under a limit holds one.
- `lineages`: the lineage store port: trees of tasks, where new tasks belong, and their bounds.
- `priorities`: the priorities port: the due tasks that go before others, or after them.
- `questions`: the question store port: runs that wait for answers.
- `replicas`: the replica registry port: the identity of a graph, and the replicas that work on it.
- `retries`: the retries port: attempts that wait for their time after a failed one.
- `retention`: the retention port: old executions are added up into summaries and deleted.
- `statistics`: the statistics port: hourly and lifetime counters.
- `sync_calls`: the calls of a scheduler for code without an event loop: each waits until it is answered.
- `task_store`: the task store port: tasks, their deferrals and executions. The laws of `ports.graph` hold.
- `telemetry`: the telemetry port: the engine reports its work to instruments and traces. No call may fail, wait, or
  cost much.
- `templates`: the template store port: templates of tasks.
- `timers`: the timers port: whether the host lets something be put on a timer.
- `tokens`: the token store port: a graph holds the digest of a token, and never the token.
- `waits`: tasks whose occurrences wait for something.
- `watches`: the watches port: tasks whose occurrences come from what happens in the graph.
- `work_queue`: the work queue port: due tasks, claims, leases and outcomes. The laws of `ports.graph` hold.
- `writes`: values that a store writes: claims, leases, outcomes, recoveries and changes.
"""
