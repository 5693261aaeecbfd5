"""Operations: everything that a caller can ask of the scheduler. None of them knows the engine.

- `catalog`: the table of operations, from which every surface follows
- `operation`: the form of an entry: parameters, scope, effect, HTTP routes, call
- `parameters`: the parameter model of each operation
- `service_calls`: calls of service methods whose arguments are not the fields of the model
- `task_commands`, `task_creation`: schedule, defer, cancel, run now
- `validation`, `reserved_keys`: requests that are refused
- `idempotency`: requests that are sent again
- `statistics`: lists and sums of tasks, cron expressions in use
- `named_queries`: questions about the graph that come with the package
- `preview`: the next fires of a cron expression
- `event_feed`: the event log, followed by readers
- `tokens`: the tokens of the API
- `graph_copy`: the copy of a whole graph
- `diagnostics`: the checks of `doctor`
"""
