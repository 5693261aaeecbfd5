"""Frozen values: no I/O, no clock, no driver.

- `addition`: occurrences of a task beyond those that its schedule names, each with its cause.
- `audit`: an entry of the audit log: one change of a task or of the graph.
- `calendar`: named calendars of the graph, and the answers of their operations.
- `budget`: budgets of lineages: how far one may grow, checked and in its normal form.
- `bulk_edit`: the tasks that an edit of many selects, and its answer.
- `blocked`: blocked tasks: what waits for what, and what would let it run.
- `cancellation`: the result of a request to cancel a task.
- `chains`: requests that wait for each other in order.
- `constraints`: constraints on texts, ids, numbers and contexts, each with what is allowed and an example.
- `control_characters`: control and invisible characters: detection, and escaping.
- `cursor`: cursors: a reader's position in each stream of the event log, as short opaque text.
- `dead_letter`: failures that no attempt follows, one for each task and fault, with a count.
- `deferral`: deferrals: decisions to move a task's run to a later time.
- `dependency`: the tasks that a task waits for, and the outcomes of them that its handler gets.
- `dependency_field`: the definition of the field that holds dependencies, and its check.
- `event`: events: changes of tasks and executions, as stored in the graph's event log.
- `execution`: executions: the record of one occurrence, or of a burst of occurrences with the same outcome.
- `field_definition`: definitions of task fields: bounds, description and example, from which every surface derives
  its part.
- `graph_name`: names of graphs: a folder or a server's address, and the address without its secrets for messages.
- `halt`: halts: nothing begins while one is in force.
- `handler_result`: results of a handler: done, failed with a reason, to be tried again, deferred to a time, or a
  question to people.
- `idempotency`: the idempotency key of a request.
- `ids`: ids in the specification's form, unique even if two are created in one clock tick.
- `json_bounds`: bounds on JSON input: depth, number of values, range of numbers, and text.
- `limit`: limits: how many executions may run at once.
- `lineage`: lineages: the trees of tasks that single thoughts started.
- `named_query`: a named query: a question about the graph that comes with the package.
- `plain_schedules`: values of the schedules that stand by themselves: one frozen class for each kind, distinguished by
  `kind`.
- `policy`: policies of a task: closed sets of words, the same in Python, in the graph and on the command line.
- `question`: questions to people: a run that waits for an answer, the treatment of none, and the answer.
- `recheck`: the fires that move because the meaning of their schedules has changed.
- `priority`: how urgent a task is among tasks that wait together.
- `prune_result`: the result of pruning executions.
- `query_limits`: limits of a user's query: time, rows and bytes.
- `reacting_schedules`: values of the schedules whose occurrences come when something has happened.
- `replica`: replicas: the running schedulers of a graph, and their last heartbeats.
- `reports`: the specification's reports on the scheduler, field by field.
- `request`: the request to schedule a task: the one definition of each task field.
- `retry_policy`: retry policies: when another attempt follows a failed one, and after which failures none does.
- `schedule`: schedules as values: the kinds made of others, and the union of all kinds.
- `schedule_fields`: the fields that values of schedules share, and their normal types.
- `service_status`: the specification's status and capabilities of the service.
- `skip_mark`: occurrences of a task that will not run, each with its reason.
- `suggestions`: suggestions for unknown names: the known name that comes closest.
- `summary`: summaries of pruned executions: one for each task and UTC day.
- `task`: A task: something to do, with a schedule.
- `task_set`: a declared set of tasks, and the answer to its application.
- `task_status`: the states and the types of a task.
- `task_template`: templates of tasks, with parameters of a type.
- `timestamps`: aware UTC datetimes for people, integer epoch milliseconds for comparisons.
- `token`: access tokens of the network API, and their scopes.
- `worker_calls`: what workers ask for, and what they get.
- `words`: plurals of counted nouns.
"""
