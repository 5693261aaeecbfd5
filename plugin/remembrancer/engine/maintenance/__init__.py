"""Maintenance: work on the graph while nothing is due.

- `event_retention`: forget the oldest of the event log, now and then, while nothing is due.
- `retention`: roll up what is older than it has to be kept: in small batches, while there is nothing else to do.
- `schedule_recheck`: the recheck of armed times: recurring tasks are armed again after the clock went back or zone
  rules changed.
"""
