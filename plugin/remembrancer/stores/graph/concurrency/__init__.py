"""Tasks that are due and have to wait.

- `limits`: the limits of a graph: their slots, and who holds them.
- `priorities`: the tasks of a graph that have a priority.
- `waits`: tasks that wait for something: read from their index, parked and woken in batches.
"""
