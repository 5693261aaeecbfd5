"""Tasks and attempts that are due and have to wait.

- `inheritance`: tasks are served with the priority of those that depend on them.
- `limits`: the limits of a graph: their slots, and who holds them.
- `priorities`: the tasks of a graph that have a priority.
- `quotas`: the quotas of a graph: what they count, and the refusal of tasks that find no room.
- `retries`: attempts that are due: they start, are held by a pause, given up, or dropped, in one write.
- `waits`: tasks that wait for something: read from their index, parked and woken in batches.
"""
