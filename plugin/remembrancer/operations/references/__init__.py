"""References of schedules to named calendars and to other tasks.

- `resolution`: references replaced by their content, as it is in the graph.
"""
