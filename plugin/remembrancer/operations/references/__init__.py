"""References of schedules to named calendars and to other tasks.

- `cues`: the query of a cue, tried when it is scheduled.
- `resolution`: references replaced by their content, as it is in the graph.
"""
