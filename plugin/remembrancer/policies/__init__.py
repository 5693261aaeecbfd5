"""Policies: pure functions that decide what happens to an occurrence.

- `decision`: the decisions `Run`, `Skip`, `Wait` and `Park`, the context and the situation.
- `pipeline`: the ordered policies; the first answer decides.
- `budget`: what a run reserves of the budget of its lineage, and what becomes of it with nothing left.
- `overlap`: what becomes of an occurrence that comes while another execution under its overlap key is under way.
- `follow_ups`: the task that a missed outcome makes.
- `misfire`, `pause`, `run_when_due`, `skips`: the policies of today.
- `occurrences`: the occurrences of a task that have no outcome yet.
- `additions`: the occurrences beyond the schedule: those that wait, and a task with more of them.
- `pace`: the next check of a task whose handler names it, after an outcome and after a check that does not run.
- `dependencies`: an occurrence waits for the outcomes of other tasks.
- `reactions`: the occurrences that a task gains from outcomes of the task that it follows.
- `cues`: the occurrences that a task gains from new matches of its query.
- `matches`: the rows of such a query as details, and the keys that tell them apart.
- `claims`: a decision as the store writes it.
- `cancellation`: outcomes for pending occurrences of a task that is cancelled, or gets another schedule.
- `changed_rules`: the place of an armed task after the meaning of its schedule has changed.
- `queues`: the wait for a worker of a queue.
- `circuit`: the laws of circuits: what counts for one, and the reason of what waits for one.
- `limits`: the limits of a run, and the wait for a slot of one.
- `priority`: the order among tasks that wait together.
- `retry`: the attempt that follows a failed one, and the time from which on it starts.
- `settlement`: the outcome of an execution, also of a lost one, and the end of its task.
- `timers`: requests to put something on a timer, as the host is asked about them.
- `unanswered`: the policies of tasks that wait for people, tasks or a release.
"""
