"""Maintenance: work on the graph while nothing is due.

- `event_retention`: event retention: the oldest events are deleted regularly, while nothing is due.
- `retention`: execution retention: old executions become daily summaries, in small batches, while nothing is due.
- `schedule_recheck`: the recheck of armed times: recurring tasks are armed again after the clock went back or zone
  rules changed.
"""
