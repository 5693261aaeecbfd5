"""Engine: it reads due tasks, claims them, runs their handlers and writes the outcomes.

- `alarm`: ends the sleep of the loop when a task is armed for an earlier time, from any thread.
- `check_counts`: counts of the regular ticks, and of those that were missed.
- `claimer`: the claimer: it reads pages of due tasks, plans them, claims them for this replica, and starts what it
  won.
- `clock`: clocks: the system's, one that follows a server's, and one made of the host's time service.
- `clock_steps`: steps of a clock that was set, found by comparison with the monotonic clock, which cannot be set.
- `cluster`: the replicas of a shared graph, and the tasks each of them serves.
- `commands`: the commands of tasks: child processes of the scheduler.
- `execution`: running handlers, from the claim to the written outcome.
- `faults`: faults in a scheduler's own work: survived, logged once, and stored as its last error.
- `gates`: gates that an occurrence passes before it begins.
- `health`: health of one scheduler: a description of its faults, checked every second.
- `lease_clock`: the clock for leases in this process: it is never set, and counts time in suspend too.
- `lease_recovery`: recovery of expired leases: each lost execution fails, and is retried if its task says so.
- `loop`: the loop: it sleeps until a task is due, ticks, survives any fault, and goes on until it is stopped.
- `maintenance`: work on the graph while nothing is due.
- `memory_usage`: estimates of memory: of tasks and executions, and of the process.
- `overdue`: overdue occurrences of other replicas: served by this one, without delaying its own.
- `overlaps`: executions that are in the way of others.
- `poller`: sleeps until the next run; on a shared graph it polls for new tasks and keeps query plans warm.
- `queues`: the order in which tasks are served that are due together.
- `scheduler`: the scheduler of one replica: it reads due tasks, claims, runs and settles them.
- `skip_log`: the log of occurrences that were recorded without a run.
- `slot_queue`: the queue for slots of limits: tasks that found none wait, and are served in their order.
- `tick_record`: the ticks: their number, their results, and the age of the last good one.
- `timeouts`: timeouts: work that hangs is cancelled, and abandoned if it does not end.
- `wait_sweep`: the sweep of waiting tasks: the policies are asked again about those that are next.
- `waiting_retries`: attempts that wait: each starts when it is due, is held by a pause, or is dropped with its task.
- `watching`: tasks whose occurrences come when something has happened.
"""
