"""Maintenance: work on the graph while nothing is due.

- `event_retention`: event retention: the oldest events are deleted regularly, while nothing is due.
- `retention`: execution retention: old executions become daily summaries, in small batches, while nothing is due.
- `armed_walk`: the walk over armed tasks that moves them to other times.
- `rule_changes`: changes of the meaning of schedules: of the rules of time zones, and of the reading of kinds.
- `schedule_recheck`: the recheck of armed times: recurring tasks are armed again after the clock went back.
"""
