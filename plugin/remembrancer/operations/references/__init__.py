"""References of schedules to named calendars and to other tasks.

- `cues`: the query of a cue, tried when it is scheduled.
- `local_tasks`: schedules that refer to tasks of the same call: in which order these are made.
- `resolution`: references replaced by their content, as it is in the graph.
"""
