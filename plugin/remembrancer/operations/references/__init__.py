"""References of schedules and tasks to named calendars and to other tasks.

- `cues`: the query of a cue, tried when it is scheduled.
- `dependencies`: the dependencies of tasks, by id; circles are refused with their path.
- `resolution`: references replaced by their content, as it is in the graph.
"""
