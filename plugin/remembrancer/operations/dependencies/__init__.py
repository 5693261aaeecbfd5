"""Dependencies as callers name them and ask about them.

- `resolution`: the dependencies of tasks, by id; circles are refused with their path.
- `blocked_tasks`: what waits for what, down to the root, and both ends of dependencies.
"""
