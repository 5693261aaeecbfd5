"""Execution: running handlers, from the claim to the written outcome.

- `bound_calls`: the calls of a scheduler, made in the name of one execution.
- `cancellation`: cancellation of executions whose task is cancelled: at once here, by polling for other replicas.
- `default_handler`: the default handler: a firing task creates the thought that it was scheduled to create.
- `deferral_wishes`: the deferral that a handler asks for: permitted by the host, then worked out on the task as it is
  by then.
- `dependency_results`: the results of dependencies, for the handler of a task that waited for them.
- `executor`: the executor: it runs claimed executions concurrently, each with its deadline, and passes on their ends.
- `handler_call`: the call of one handler, and the outcome of its return value or exception.
- `handler_threads`: threads for plain handlers: daemons, as many as there are handlers at a time, so that a hung one
  delays no other.
- `handed_out`: the executions that workers hold, with the lease of each.
- `handler_routes`: the handler of each queue, of tasks without one, and the workers of all other queues.
- `heartbeat`: the heartbeat: it renews the leases of running executions, and reports those that it cannot renew.
- `manual_run`: a manual run: an execution outside the schedule.
- `outcome_writer`: the outcome writer: outcomes of one turn of the event loop in one commit; each lease ends with its
  last outcome.
- `progress`: progress: the newest report of each handler is written about once a second.
- `run`: runs: the executions under way in this process, from their claim to their outcome.
- `runs`: the runs of this process: those that have begun, that are to stop, and that hold a slot past their end.
- `slots`: slots: every start of a handler takes one, so that at most `max_concurrent_handlers` run.
- `sync_handler`: plain handlers: called on threads, where nothing can interrupt them.
- `worker_desk`: the calls of workers: claims, reports and outcomes.
- `worker_pool`: the workers that wait for work, and the queues that they are served from.
"""
