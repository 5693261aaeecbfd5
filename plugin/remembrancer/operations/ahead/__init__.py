"""The time ahead: what fires next, of one task or of all, and what a schedule would do.

- `next_fires`: the next fires of a task.
- `agenda`: every fire of every open task in a range of time.
- `operations`: the entries of the table of operations, with their parameters.
"""
