"""Workers: processes that ask this scheduler for the work of queues, and report its outcome.

- `pool`: the workers that wait for work, and the serving of the queues they ask.
- `desk`: the calls of workers.
- `handed_out`: the executions that workers hold, with the lease of each.
"""
