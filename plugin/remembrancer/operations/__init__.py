"""Operations: what a caller may ask. They know ports and policies, not the engine.

- `administration`: the entries of the table of operations for administrators.
- `ahead`: the time ahead: the next fires of a task, previews of schedules, and the agenda of all tasks.
- `calendars`: named calendars, defined from a source, renewed, removed.
- `catalog`: the table of operations: each entry once, from which every surface is made.
- `declared_request`: the request of a declared task: the fields of a request, and short words for schedules.
- `dependencies`: dependencies as callers name them and ask about them.
- `diagnostics`: the checks of `doctor`, pure functions of facts.
- `edits`: edits of open tasks: pause, resume and update.
- `event_feed`: the event feed: the event log, followed by any number of readers, each at its own pace.
- `exports`: tasks and their history in the forms of other systems.
- `graph_copy`: the copy of a whole graph into another one, on either engine, and the proof that the two are equal.
- `halts`: operations on the halt of a scheduler.
- `idempotency`: idempotent execution: a request that is sent again is not acted on again, and returns the first
  result.
- `incidents`: dead letters, which are listed, run again, and cleared.
- `limits`: operations on limits of what runs at once.
- `lineages`: the trees of tasks that single thoughts started, their bounds, and their ends.
- `match_parameters`: the parameters that tasks are found by.
- `named_queries`: named queries: their parameters are completed, and a wrong name or parameter is refused.
- `open_tasks`: open tasks as commands read them, and their changes by the current actor.
- `operation`: the form of an operation: its name, parameters, result, scope, effect, HTTP routes and call.
- `parameters`: the parameters of operations: one model for each, used by every surface.
- `questions`: questions about the next run of a task: asked, answered, listed.
- `references`: references of schedules to named calendars and to other tasks.
- `requested_schedule`: the schedule that a request asks for: its spelling in the specification's fields, and its
  first run.
- `reserved_keys`: reserved forms of dedup_keys: marks of the API, of sets and of the import, which no other caller may
  take.
- `service_calls`: calls of the service's methods whose arguments are not those of their operation.
- `sets`: declared sets of tasks: read, compared with the graph, applied.
- `task_history`: executions and entries of the audit log, by task, time and status.
- `statistics`: lists and sums from the statistics of a graph: tasks by status and type, cron expressions in use, next
  runs.
- `task_commands`: task commands: schedule, defer, cancel, run now. Each is one commit.
- `task_creation`: creation of tasks: each request is checked, and all of one call are written in one commit.
- `templates`: templates of tasks: defined, filled with values, removed.
- `tokens`: tokens of the API: they are made, shown once, known by their digest, and revoked.
- `work`: the work of queues, as workers ask for it.
- `validation`: validation of a request to schedule, and the answer to it. Pure functions of (value, now).
"""
