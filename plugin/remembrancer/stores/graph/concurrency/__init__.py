"""Tasks that are due and have to wait.

- `limits`: the limits of a graph: their slots, and who holds them.
- `slot_statements`: statements that take slots of limits for executions, and free them.
- `waits`: tasks that wait for something: read from their index, parked and woken in batches.
"""
