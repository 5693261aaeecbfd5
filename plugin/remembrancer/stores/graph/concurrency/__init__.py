"""Tasks that are due and have to wait.

- `waits`: tasks that wait for something: read from their index, parked and woken in batches.
"""
