"""Engine: reads what is due, claims it, runs it and writes the outcome.

- `alarm`: ends the sleep of the loop when a task is armed for an earlier time, from any thread.
- `check_counts`: counts of the regular checks, and of those that were missed.
- `claimer`: the claimer: it reads pages of due tasks, plans them, claims them for this replica, and starts what it
  won.
- `clock`: the system's clock, one that goes by a server's, and one made of whatever time service a host brings.
- `clock_steps`: steps of a clock: how far it was set, as compared with the monotonic one, which cannot be set.
- `cluster`: the replicas of a shared graph, and the tasks each of them serves.
- `execution`: running handlers, from the claim to the written outcome.
- `faults`: faults in a scheduler's own work: survived, logged once, and kept as its last error.
- `health`: health of one scheduler: what is wrong with its work, in words, checked every second.
- `lease_clock`: the time that leases are measured by in this process: no step of a clock moves it, and it counts a
  suspend too.
- `lease_recovery`: recovery of expired leases: each lost execution fails, and is retried if its task says so.
- `loop`: sleeps until something is due, ticks, survives any fault, and goes on until it is stopped.
- `maintenance`: work on the graph while nothing is due.
- `memory_usage`: estimates of memory: of tasks and executions, and of the process.
- `overdue`: overdue occurrences of other replicas: served by this one, without delaying its own.
- `poller`: sleeps until the next run; on a shared graph it polls for new tasks and keeps query plans warm.
- `scheduler`: the work of one replica: reads what is due, claims, runs and settles it.
- `skip_log`: logs the occurrences that were recorded without a run.
- `tick_record`: the ticks: their number, their results, and the age of the last good one.
- `timeouts`: work that hangs is cancelled, and abandoned if it does not end.
"""
