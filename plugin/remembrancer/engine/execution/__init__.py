"""Execution: running handlers, from the claim to the written outcome.

- `cancellation`: cancellation of what was claimed before its task was: at once here, a little later through another
  replica.
- `default_handler`: the default handler: a firing task creates the thought that it was scheduled to create.
- `executor`: run claimed executions concurrently, each with its deadline, and hand on how each ended.
- `handler_call`: run one handler: its answer, and what becomes of whatever it raises.
- `handler_threads`: threads for plain handlers: daemons, as many as there are handlers at a time, so that a hung one
  delays no other.
- `heartbeat`: renews the leases of what is under way, and reports those that cannot be held.
- `manual_run`: A run by hand: an execution outside the schedule.
- `outcome_writer`: write outcomes down: those of one turn of the loop in one commit, and each lease ends with its
  last outcome.
- `progress`: what handlers report while they run, the newest of each written about once a second.
- `run`: runs: the executions under way in this process, from their claim to their outcome.
- `runs`: the runs of this process: which have begun, which are to stop, and which hold a slot past their end.
- `slots`: the one gate for whatever starts a handler, so that never more than `max_concurrent` run.
- `sync_handler`: A plain handler: called on threads, where nothing can interrupt it.
"""
