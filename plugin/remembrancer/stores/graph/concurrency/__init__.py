"""Tasks that are due and have to wait.

- `limits`: the limits of a graph: their slots, and who holds them.
- `priorities`: the tasks of a graph that have a priority.
- `quotas`: the quotas of a graph: what they count, and the refusal of tasks that find no room.
- `waits`: tasks that wait for something: read from their index, parked and woken in batches.
"""
