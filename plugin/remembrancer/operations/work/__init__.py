"""Work of queues, as workers ask for it.

- `work_operations`: the entries of the table of operations, and their parameters.
- `work_requests`: the checks of what a worker says, and what waits for workers.
"""
